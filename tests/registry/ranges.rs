//! Parts of blobs, one request each.

use std::io::Read;
use std::ops::Range;

use imgforge::oci::Descriptor;
use imgforge::transport::Source;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::fake_registry::Answer;
use crate::fake_registry::Call;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::rig::chain;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::reference;
use crate::rig::registry;

/// The same fake by a name that is not this machine's: only what is away is fetched in pieces.
pub(crate) fn far(host: &str) -> String {
    host.replace("127.0.0.1", "0.0.0.0")
}

/// A registry whose ranges longer than two of `piece` bytes are fetched in pieces, `pieces` of them ahead.
pub(crate) fn in_pieces(piece: u64, pieces: usize) -> Registry {
    Registry::new(RegistryOptions { piece, pieces, insecure: vec!["0.0.0.0".to_owned()], ..options() })
        .unwrap()
}

pub(crate) fn read_range(
    source: &dyn Source,
    descriptor: &Descriptor,
    range: Range<u64>,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = source.open_range(descriptor, range).map_err(|error| chain(&error))?;
    reader.read_to_end(&mut bytes).map_err(|error| chain(&error))?;
    Ok(bytes)
}

/// The ranges that were asked for of blobs, in order of arrival.
pub(crate) fn asked(fake: &Fake) -> Vec<String> {
    fake.seen("GET", "/blobs/").iter().map(|call| call.header("range").to_owned()).collect()
}

pub(crate) fn is_blob(call: &Call) -> bool {
    call.is("GET", "/blobs/")
}

/// go-containerregistry's registry answers 416 to `bytes=N-` (stereoscope #695), six of eight large ones do not say
/// `Accept-Ranges` (same place), and some proxies compress what says no `Accept-Encoding`.
#[test]
fn a_range_is_one_closed_range_of_the_plain_bytes() {
    let bytes = noise(100_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| match call.header("range") {
        open if open.ends_with('-') => Answer::new(416),
        _ => memory.answer(call),
    });
    let source = registry().source(&reference(&fake.host, "r"));
    for range in [0..100_000, 0..1, 99_999..100_000, 5000..6000, 7..7] {
        let want = &bytes[range.start as usize..range.end as usize];
        assert_eq!(read_range(&source, &descriptor, range.clone()).unwrap(), want, "{range:?}");
    }
    let mut end = Vec::new();
    source.open(&descriptor, 99_000).unwrap().read_to_end(&mut end).unwrap();
    assert_eq!(end, &bytes[99_000..]);
    let want = ["", "bytes=0-0", "bytes=99999-99999", "bytes=5000-5999", "bytes=99000-99999"];
    assert_eq!(asked(&fake), want, "and nothing for the empty one");
    let plain = |call: &Call| call.header("accept-encoding") == "identity";
    assert!(fake.seen("GET", "/blobs/").iter().all(plain));
}

#[test]
fn a_range_outside_the_blob_is_never_asked_for() {
    let fake = Fake::start(|_| Answer::new(200));
    let source = registry().source(&reference(&fake.host, "r"));
    for range in [0..11, 11..12, Range { start: 6, end: 5 }] {
        let error = source.open_range(&layer(b"0123456789"), range).err().unwrap();
        assert!(matches!(error, Error::Range { size: 10, .. }), "{error:?}");
    }
    assert!(fake.calls.lock().unwrap().is_empty());
}

/// distribution-spec: a registry SHOULD have ranges, so it need not. What follows in the same answer is not asked
/// for again, as long as the ranges ascend.
#[test]
fn t34_a_server_without_ranges_is_read_once_for_ascending_ranges() {
    let bytes = noise(300_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| {
        let mut call = call.clone();
        call.headers.remove("range");
        memory.answer(&call)
    });
    let source = registry().source(&reference(&fake.host, "r"));
    for range in [10..20, 20..30, 5000..200_000, 250_000..250_001, 299_000..300_000] {
        let want = &bytes[range.start as usize..range.end as usize];
        assert_eq!(read_range(&source, &descriptor, range.clone()).unwrap(), want, "{range:?}");
    }
    assert_eq!(asked(&fake), ["bytes=10-19"]);
    assert_eq!(read_range(&source, &descriptor, 0..5).unwrap(), &bytes[..5], "back to the start");
    assert_eq!(asked(&fake).len(), 2);
}

/// containers/image's body reader and ggcr #1415 met all of these: bytes would come to lie at the wrong place.
#[test]
fn t34_another_range_than_the_one_asked_for_is_refused() {
    let bytes = noise(1000);
    let descriptor = layer(&bytes);
    for (name, range) in [
        ("start", "bytes 99-199/1000"),
        ("end, shorter", "bytes 100-198/1000"),
        ("end, longer", "bytes 100-200/1000"),
        ("total", "bytes 100-199/1001"),
        ("unit", "pages 100-199/1000"),
        ("no last byte", "bytes 100-/1000"),
        ("overflow", "bytes 100-18446744073709551615/1000"),
        ("none", ""),
    ] {
        let fake = Fake::start(move |call| match is_blob(call) {
            true => Answer::new(206).with("Content-Range", range).body(noise(100)),
            false => Answer::new(200),
        });
        let source = registry().source(&reference(&fake.host, "r"));
        let error = read_range(&source, &descriptor, 100..200).unwrap_err();
        assert!(
            error.contains("the range") && error.contains("instead of bytes 100 to 200"),
            "{name}: {error}"
        );
    }
}

/// RFC 9110 §14.4: the total may be unknown.
#[test]
fn a_range_of_an_unknown_total_is_taken() {
    let bytes = noise(1000);
    let served = bytes[100..200].to_vec();
    let fake = Fake::start(move |call| match is_blob(call) {
        true => Answer::new(206).with("Content-Range", "bytes 100-199/*").body(served.clone()),
        false => Answer::new(200),
    });
    let source = registry().source(&reference(&fake.host, "r"));
    assert_eq!(read_range(&source, &layer(&bytes), 100..200).unwrap(), &bytes[100..200]);
}

/// A 206 whose body is shorter than its own `Content-Range`, said or not (harbor #22555, ggcr #1044), and one that
/// is longer. The first goes on where it ended, the last is not believed.
#[test]
fn t34_a_short_part_is_gone_on_with_and_a_long_one_refused() {
    let bytes = noise(1000);
    let descriptor = layer(&bytes);
    for no_length in [false, true] {
        let mut memory = with_blob(&bytes);
        let fake = Fake::start(move |call| {
            let mut answer = memory.answer(call);
            if is_blob(call) {
                answer.body.truncate(400);
            }
            Answer { no_length: no_length && is_blob(call), ..answer }
        });
        let source = registry().source(&reference(&fake.host, "r"));
        assert_eq!(read_range(&source, &descriptor, 100..900).unwrap(), &bytes[100..900]);
        assert_eq!(asked(&fake), ["bytes=100-899", "bytes=500-899"]);
    }
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| Answer { padding: usize::from(is_blob(call)), ..memory.answer(call) });
    let source = registry().source(&reference(&fake.host, "r"));
    let error = read_range(&source, &descriptor, 100..900).unwrap_err();
    assert!(error.contains("more than the 900 bytes"), "{error}");
}

/// distribution 2.8.2 says the length of the whole blob in a 416 and sends 33 bytes: whoever reads it hangs. With a
/// silence of five seconds counted as a cut, a client that reads it says so; one that does not never asks twice.
#[test]
fn t34_the_body_of_an_unsatisfiable_range_is_not_read() {
    let fake = Fake::start(|call| match is_blob(call) {
        true => Answer { length: Some(1 << 30), ..Answer::new(416).body("x".repeat(33)) },
        false => Answer::new(200),
    });
    let source = registry().source(&reference(&fake.host, "r"));
    let error = read_range(&source, &layer(&noise(1000)), 100..200).unwrap_err();
    assert!(error.contains("no bytes after 100 of 1000"), "{error}");
    assert_eq!(asked(&fake).len(), 1);
}
