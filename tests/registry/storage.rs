//! Registries that send clients to a storage host, by addresses that run out.

use std::collections::BTreeMap;

use imgforge::oci::Descriptor;
use imgforge::transport::Source;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::auth::given;
use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::ranges::asked;
use crate::ranges::far;
use crate::ranges::read_range;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::reference;

/// A registry that asks for a password and signs, and the storage that takes each signature `uses` times and then
/// answers `status`, with S3's words.
struct Signing {
    registry: Fake,
    storage: Fake,
}

fn signing(bytes: &[u8], uses: usize, status: u16) -> Signing {
    let mut memory = with_blob(bytes);
    let mut used = BTreeMap::<String, usize>::new();
    let storage = Fake::start(move |call| {
        let used = used.entry(call.query.clone()).or_default();
        *used += 1;
        if *used > uses {
            let text = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            return Answer::new(status).body(text);
        }
        memory.answer(call)
    });
    let (target, digest) = (storage.host.clone(), layer(bytes).digest);
    let mut signed = 0;
    let registry = Fake::start(move |call| match (call.path.as_str(), call.header("authorization")) {
        (_, "") => Answer::new(401).with("WWW-Authenticate", "Basic realm=\"x\""),
        ("/v2/", _) => Answer::new(200),
        _ => {
            signed += 1;
            Answer::new(307).with("Location", format!("http://{target}/v2/r/blobs/{digest}?X-Sig={signed}"))
        }
    });
    Signing { registry, storage }
}

fn source(signing: &Signing) -> impl Source + use<> {
    let options = RegistryOptions {
        credentials: given("alice", "s3cret"),
        piece: 10_000,
        pieces: 4,
        insecure: vec!["0.0.0.0".to_owned()],
        ..options()
    };
    Registry::new(options).unwrap().source(&reference(&far(&signing.registry.host), "r"))
}

fn read_all(source: &dyn Source, descriptor: &Descriptor, bytes: &[u8], step: usize) {
    for start in (0..bytes.len()).step_by(step) {
        let end = (start + step).min(bytes.len());
        let part = read_range(source, descriptor, start as u64..end as u64).unwrap();
        assert!(part == bytes[start..end], "{start}");
    }
}

/// distribution before S3, GHCR, nvcr.io: 307 to a signed address. Asking the registry for each range would double
/// the requests, and quotas count them.
#[test]
fn t36_one_redirect_serves_all_ranges_of_a_blob() {
    let bytes = noise(100_000);
    let signing = signing(&bytes, usize::MAX, 403);
    let source = source(&signing);
    read_all(&source, &layer(&bytes), &bytes, 5000);
    assert_eq!(asked(&signing.registry), ["bytes=0-4999"]);
    let ranges = asked(&signing.storage);
    assert_eq!((ranges.len(), ranges[19].as_str()), (20, "bytes=95000-99999"), "the range goes along");
    let storage = signing.storage.calls.lock().unwrap();
    assert!(storage.iter().all(|call| call.header("authorization").is_empty()));
}

/// stargz-snapshotter #167: GHCR's addresses live five minutes. S3 says 403 then; others 401, 404 or 410.
#[test]
fn t36_an_address_that_ran_out_is_renewed() {
    let bytes = noise(100_000);
    for status in [401, 403, 404, 410, 400] {
        let signing = signing(&bytes, 3, status);
        let source = source(&signing);
        read_all(&source, &layer(&bytes), &bytes, 10_000);
        let renewed = asked(&signing.registry);
        let want = ["bytes=0-9999", "bytes=30000-39999", "bytes=60000-69999", "bytes=90000-99999"];
        assert_eq!(renewed, want, "{status}: once a signature");
        let storage = signing.storage.calls.lock().unwrap();
        assert!(storage.iter().all(|call| call.header("authorization").is_empty()));
        let signatures = storage.iter().map(|call| call.query.as_str()).collect::<Vec<_>>();
        let want = ["1", "1", "1", "1", "2", "2", "2", "2", "3", "3", "3", "3", "4"];
        assert_eq!(signatures, want.map(|number| format!("X-Sig={number}")), "{status}");
    }
}

/// The same with pieces side by side: all of them find the address refused at once.
#[test]
fn t36_pieces_share_the_renewed_address() {
    let bytes = noise(400_000);
    let signing = signing(&bytes, 10, 403);
    let source = source(&signing);
    assert!(read_range(&source, &layer(&bytes), 0..400_000).unwrap() == bytes);
    let served = asked(&signing.storage).len();
    let renewed = asked(&signing.registry).len();
    assert!(renewed >= 4, "40 pieces at 10 a signature");
    assert!(renewed <= 8 && served <= 40 + 5 * renewed, "{renewed} renewals, {served} requests");
}

/// An address that is refused when it is new will be refused again: the storage host's words are the error.
#[test]
fn t33_a_storage_host_that_refuses_is_quoted() {
    let bytes = noise(1000);
    for status in [401, 403, 410] {
        let signing = signing(&bytes, 0, status);
        let error = read_range(&source(&signing), &layer(&bytes), 0..100).unwrap_err();
        assert!(error.contains("Request has expired"), "{error}");
        assert!(error.contains(&signing.storage.host) && error.contains(&status.to_string()), "{error}");
        assert!(!error.contains("X-Sig"), "{error}");
        assert_eq!(signing.storage.calls.lock().unwrap().len(), 1);
    }
    let signing = signing(&bytes, 1, 403);
    let source = source(&signing);
    read_range(&source, &layer(&bytes), 0..100).unwrap();
    read_range(&source, &layer(&bytes), 100..200).unwrap();
    assert_eq!(signing.storage.calls.lock().unwrap().len(), 3, "refused once, renewed once");
}

/// A cut answer of the storage host goes on there.
#[test]
fn t34_a_cut_at_the_storage_host_goes_on_there() {
    let bytes = noise(100_000);
    let mut memory = with_blob(&bytes);
    let mut cuts = 2;
    let storage = Fake::start(move |call| {
        cuts -= i32::from(cuts > 0);
        Answer { cut: (cuts > 0).then_some(2000), ..memory.answer(call) }
    });
    let target = format!("http://{}/v2/r/blobs/{}?sig=1", storage.host, layer(&bytes).digest);
    let fake = Fake::start(move |call| match call.path.as_str() {
        "/v2/" => Answer::new(200),
        _ => Answer::new(302).with("Location", &target),
    });
    let source = Registry::new(options()).unwrap().source(&reference(&fake.host, "r"));
    assert!(read_range(&source, &layer(&bytes), 0..50_000).unwrap() == bytes[..50_000]);
    assert_eq!(asked(&fake), ["bytes=0-49999"]);
    assert_eq!(asked(&storage), ["bytes=0-49999", "bytes=2000-49999"]);
}
