//! What is counted: every body, where it passes the wire.

use imgforge::transport::Source;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;
use imgforge::transport::traffic::Traffic;

use crate::auth::given;
use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::ranges::read_range;
use crate::rig::MANIFEST;
use crate::rig::image;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::publish;
use crate::rig::read;
use crate::rig::reference;

fn counted() -> (Registry, Traffic) {
    let traffic = Traffic::default();
    let options = RegistryOptions { credentials: given("a", "b"), traffic: traffic.clone(), ..options() };
    (Registry::new(options).unwrap(), traffic)
}

#[test]
fn what_comes_in_is_counted_tokens_and_documents_too() {
    let bytes = noise(10_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    memory.put_manifest("r", "t", MANIFEST, br#"{"a":1}"#);
    let token = r#"{"token":"t1"}"#;
    let fake = Fake::start(move |call| match (call.path.as_str(), call.header("authorization")) {
        ("/token", _) => Answer::new(200).body(token),
        (_, "Bearer t1") => memory.answer(call),
        _ => {
            let realm = format!(r#"Bearer realm="http://{}/token",service="s""#, call.header("host"));
            Answer::new(401).with("WWW-Authenticate", realm)
        }
    });
    let (registry, traffic) = counted();
    let source = registry.source(&reference(&fake.host, "r:t"));
    source.root().unwrap();
    let documents = (token.len() + 7) as u64;
    assert_eq!(traffic.received(), documents);
    read_range(&source, &descriptor, 100..350).unwrap();
    assert_eq!(traffic.received(), documents + 250);
    read(&source, &descriptor, 0).unwrap();
    assert_eq!(traffic.received(), documents + 250 + 10_000);
    assert_eq!((traffic.sent(), traffic.read_locally()), (0, 0));
}

/// A server without ranges costs what it sends, not what was wanted.
#[test]
fn what_is_skipped_is_counted() {
    let bytes = noise(10_000);
    let fake = Fake::start(move |call| match call.path.as_str() {
        "/v2/" => Answer::new(200),
        _ => Answer::new(200).body(noise(10_000)),
    });
    let (registry, traffic) = counted();
    let source = registry.source(&reference(&fake.host, "r:t"));
    read_range(&source, &layer(&bytes), 9000..9100).unwrap();
    assert!(traffic.received() >= 9100, "{}", traffic.received());
}

#[test]
fn what_goes_out_is_counted() {
    let bytes = noise(700_000);
    let mut memory = crate::fake_registry::Memory::default();
    let fake = Fake::start(move |call| memory.answer(call));
    let (registry, traffic) = counted();
    publish(&registry, &fake.host, &[&bytes]).unwrap();
    let image = image(&[&bytes]);
    let want = bytes.len() + image.config.bytes().len() + image.manifest.bytes.len();
    assert_eq!(traffic.sent(), want as u64);
}
