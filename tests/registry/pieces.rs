//! Long ranges, in pieces side by side.

use std::collections::BTreeSet;
use std::io::Read;

use imgforge::transport::Source;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::ranges::asked;
use crate::ranges::far;
use crate::ranges::in_pieces;
use crate::ranges::is_blob;
use crate::ranges::read_range;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::reference;

const PIECE: u64 = 50_000;

#[test]
fn long_ranges_come_in_pieces_and_in_order() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| memory.answer(call));
    let source = in_pieces(PIECE, 4).source(&reference(&far(&fake.host), "r"));
    assert_eq!(read_range(&source, &descriptor, 10..999_999).unwrap(), &bytes[10..999_999]);
    let ranges = asked(&fake).into_iter().collect::<BTreeSet<_>>();
    let starts = (10..999_999).step_by(PIECE as usize);
    let want = starts.map(|start| format!("bytes={start}-{}", (start + PIECE - 1).min(999_998)));
    assert_eq!(ranges, want.collect());
    assert_eq!(asked(&fake).len(), 20, "each once");
    assert_eq!(read_range(&source, &descriptor, 0..2 * PIECE).unwrap(), &bytes[..2 * PIECE as usize]);
    assert_eq!(asked(&fake).last().unwrap(), "bytes=0-99999", "two pieces are not worth it");
}

/// A reader that stops reading, or never comes to its pieces, does not hold up another: what is held ahead is
/// bounded for all readers together, and the piece that is needed next is always under way.
#[test]
fn readers_share_what_may_be_held_and_none_is_stuck() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| memory.answer(call));
    let source = in_pieces(PIECE, 3).source(&reference(&far(&fake.host), "r"));
    let mut readers =
        (0..5).map(|_| source.open_range(&descriptor, 0..1_000_000).unwrap()).collect::<Vec<_>>();
    assert!(asked(&fake).len() <= 5 + 3, "a first piece each, and three ahead: {:?}", asked(&fake));
    for reader in readers.iter_mut().rev() {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
    assert_eq!(asked(&fake).len(), 100);
}

/// ggcr #1268, skopeo #1015: connections that end in the middle. Each piece goes on where it was.
#[test]
fn t34_each_piece_survives_its_own_cut() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let mut cut = BTreeSet::new();
    let fake = Fake::start(move |call| {
        let first = is_blob(call) && call.header("range").ends_with("0000-149999")
            || call.header("range").ends_with("999999");
        let new = first && cut.insert(call.header("range").to_owned()) && cut.len() < 4;
        Answer { cut: new.then_some(20_001), ..memory.answer(call) }
    });
    let source = in_pieces(PIECE, 4).source(&reference(&far(&fake.host), "r"));
    assert!(read_range(&source, &descriptor, 0..1_000_000).unwrap() == bytes);
    let ranges = asked(&fake);
    for resumed in ["bytes=120001-149999", "bytes=970001-999999"] {
        assert!(ranges.iter().any(|range| range == resumed), "{resumed}: {ranges:?}");
    }
}

/// distribution-spec: ranges are a SHOULD. Where there are none, pieces would each be the whole blob.
#[test]
fn t34_without_ranges_there_is_one_stream() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| {
        let mut call = call.clone();
        call.headers.remove("range");
        memory.answer(&call)
    });
    let source = in_pieces(PIECE, 4).source(&reference(&far(&fake.host), "r"));
    assert!(read_range(&source, &descriptor, 100..900_000).unwrap() == bytes[100..900_000]);
    assert_eq!(asked(&fake), ["bytes=100-50099"]);
    assert!(read_range(&source, &descriptor, 900_000..1_000_000).unwrap() == bytes[900_000..]);
    assert_eq!(asked(&fake).len(), 1, "the same answer went on");
}

/// ECR and Docker Hub answer 429 to who asks too much at once; S3 says `503 Slow Down` (AWS: performance guidelines).
#[test]
fn t32_too_many_pieces_become_fewer() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    for status in [429, 503] {
        let mut memory = with_blob(&bytes);
        let mut refused = BTreeSet::new();
        let fake = Fake::start(move |call| {
            if is_blob(call) && refused.insert(call.header("range").to_owned()) {
                return Answer::new(status).with("Retry-After", "0");
            }
            memory.answer(call)
        });
        let source = in_pieces(PIECE, 6).source(&reference(&far(&fake.host), "r"));
        assert!(read_range(&source, &descriptor, 0..1_000_000).unwrap() == bytes, "{status}");
        assert_eq!(asked(&fake).len(), 40, "each piece was refused once");
    }
}

/// A piece that cannot be had fails the reader at its place: what comes before it is given out, nothing after.
#[test]
fn a_failed_piece_is_an_error_at_its_place() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| match call.header("range") {
        "bytes=200000-249999" => {
            Answer::new(206).with("Content-Range", "bytes 0-49999/1000000").body(noise(50_000))
        }
        _ => memory.answer(call),
    });
    let source = in_pieces(PIECE, 6).source(&reference(&far(&fake.host), "r"));
    let mut reader = source.open_range(&descriptor, 0..1_000_000).unwrap();
    let mut read = Vec::new();
    let error = reader.read_to_end(&mut read).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    assert!(read == bytes[..200_000], "{} bytes", read.len());
}

/// Pieces hide a network. Where there is none, one stream is faster.
#[test]
fn a_registry_on_this_machine_is_read_in_one_stream() {
    let bytes = noise(1_000_000);
    let descriptor = layer(&bytes);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| memory.answer(call));
    let source = in_pieces(PIECE, 4).source(&reference(&fake.host, "r"));
    assert!(read_range(&source, &descriptor, 1..1_000_000).unwrap() == bytes[1..]);
    assert_eq!(asked(&fake), ["bytes=1-999999"]);
}
