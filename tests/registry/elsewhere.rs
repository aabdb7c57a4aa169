//! Other hosts than the registry, and plain HTTP.

use imgforge::transport::Source;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::rig::MANIFEST;
use crate::rig::chain;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::read;
use crate::rig::reference;
use crate::rig::registry;

/// S3 and GCS refuse a request that has a signature and an `Authorization`; and a token is nobody else's business.
#[test]
fn t36_another_host_never_sees_the_authorization() {
    let bytes = noise(5000);
    let descriptor = layer(&bytes);
    let mut storage_memory = with_blob(&bytes);
    let storage = Fake::start(move |call| Answer {
        cut: call.header("range").is_empty().then_some(2000),
        ..storage_memory.answer(call)
    });
    let target = format!("http://{}/v2/r/blobs/{}?X-Sig=s3cret", storage.host, descriptor.digest);
    let fake = Fake::start(move |call| match (call.path.as_str(), call.header("authorization")) {
        (_, "") => Answer::new(401).with("WWW-Authenticate", "Basic realm=\"x\""),
        ("/v2/", _) => Answer::new(200),
        _ => Answer::new(307).with("Location", &target),
    });
    let registry =
        Registry::new(RegistryOptions { credentials: crate::auth::given("alice", "s3cret"), ..options() });
    let source = registry.unwrap().source(&reference(&fake.host, "r"));
    assert_eq!(read(&source, &descriptor, 0).unwrap(), bytes);
    let asked = storage.seen("GET", "/blobs/");
    assert_eq!(asked.len(), 2, "the redirect and its continuation");
    assert!(asked.iter().all(|call| call.header("authorization").is_empty()));
    assert_eq!(asked[1].header("range"), "bytes=2000-4999", "the range goes along");
}

/// Signed addresses are secrets: they must not be in an error either.
#[test]
fn t41_a_signed_address_is_not_in_the_error() {
    let fake = Fake::start(|call| match call.path.as_str() {
        "/v2/" => Answer::new(200),
        // Port 9 of this machine: nobody is there.
        _ => Answer::new(307).with("Location", "http://127.0.0.1:9/blob?X-Sig=s3cret"),
    });
    let source = registry().source(&reference(&fake.host, "r"));
    let error = source.open(&layer(b"x"), 0).err().unwrap();
    let shown = format!("{} {error:?}", chain(&error));
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// ggcr #1363, #2314: plain HTTP because of a guess.
#[test]
fn t40_plain_http_is_for_this_machine_or_when_told() {
    // A name that leads here without being this machine by name.
    let fake = Fake::start(|_| Answer::new(200).with("Content-Type", MANIFEST).body("{}"));
    let port = fake.host.rsplit_once(':').unwrap().1;
    let host = format!("0.0.0.0:{port}");
    let error = registry().source(&reference(&host, "r:t")).root().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(fake.calls.lock().unwrap().is_empty(), "it was spoken to in plain HTTP");
    let told = Registry::new(RegistryOptions { insecure: vec![host.clone()], ..options() });
    told.unwrap().source(&reference(&host, "r:t")).root().unwrap();
}
