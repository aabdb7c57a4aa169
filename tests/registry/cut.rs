//! Connections that end, stall, or start somewhere else.

use std::time::Duration;
use std::time::Instant;

use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::read;
use crate::rig::reference;
use crate::rig::registry;

/// ggcr #1268, skopeo #1015: connections that end in the middle of a layer.
#[test]
fn t34_a_cut_body_goes_on_where_it_ended() {
    let bytes = noise(300_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| Answer {
        cut: (call.method == "GET" && call.path != "/v2/").then_some(100_000),
        ..memory.answer(call)
    });
    let source = registry().source(&reference(&fake.host, "r"));
    assert_eq!(read(&source, &descriptor, 0).unwrap(), bytes);
    let ranges =
        fake.seen("GET", "/blobs/").iter().map(|call| call.header("range").to_owned()).collect::<Vec<_>>();
    assert_eq!(ranges, ["", "bytes=100000-299999", "bytes=200000-299999"]);
}

/// A registry that has no ranges answers 200 with everything: what is known is skipped, not appended.
#[test]
fn t34_a_server_without_ranges_starts_again() {
    let bytes = noise(300_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let mut cuts = [100_000, 200_000].into_iter();
    let fake = Fake::start(move |call| {
        let mut call = call.clone();
        call.headers.remove("range");
        let cut = (call.path != "/v2/").then(|| cuts.next()).flatten();
        Answer { cut, ..memory.answer(&call) }
    });
    let source = registry().source(&reference(&fake.host, "r"));
    assert_eq!(read(&source, &descriptor, 0).unwrap(), bytes);
    assert_eq!(read(&source, &descriptor, 299_990).unwrap(), &bytes[299_990..]);
}

/// A wrong `Content-Range` would put bytes at the wrong place.
#[test]
fn t34_a_range_that_was_not_asked_for_is_refused() {
    let bytes = noise(1000);
    let descriptor = layer(&bytes);
    for range in ["bytes 0-999/1000", "bytes 100-999/2000", "bytes 99-999/1000", "", "bytes */1000"] {
        let fake = Fake::start(move |call| match call.path.as_str() {
            "/v2/" => Answer::new(200),
            _ => Answer::new(206).with("Content-Range", range).body(noise(900)),
        });
        let error = read(&registry().source(&reference(&fake.host, "r")), &descriptor, 100).unwrap_err();
        assert!(error.contains("the range"), "{range}: {error}");
    }
}

/// distribution 2.8.2: a 416 says the length of the whole blob and sends 33 bytes. Its body must not be waited for.
#[test]
fn t34_an_unsatisfiable_range_does_not_hang() {
    let fake = Fake::start(|call| match call.path.as_str() {
        "/v2/" => Answer::new(200),
        _ => Answer { length: Some(1 << 30), ..Answer::new(416).body("x".repeat(33)) },
    });
    let begun = Instant::now();
    let error = read(&registry().source(&reference(&fake.host, "r")), &layer(&noise(1000)), 100).unwrap_err();
    assert!(error.contains("no bytes after 100 of 1000"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

/// ggcr #1766: a copy that stalls for ever. A server that sends nothing counts as gone, and retries end.
#[test]
fn t35_silence_is_a_cut() {
    let bytes = noise(1000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| Answer {
        stall: (call.path != "/v2/").then_some(Duration::from_secs(20)),
        ..memory.answer(call)
    });
    let registry =
        Registry::new(RegistryOptions { retries: 1, idle: Duration::from_millis(200), ..options() });
    let begun = Instant::now();
    let error = read(&registry.unwrap().source(&reference(&fake.host, "r")), &descriptor, 0).unwrap_err();
    assert!(error.contains("nothing came for"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
