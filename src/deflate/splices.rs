//! What must hold for every splice: the new blob holds the plain bytes, and is the same however it was made.

use std::fs::File;
use std::io;
use std::io::Cursor;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use proptest::prelude::*;

use super::Block;
use super::Crc;
use super::Gunzip;
use super::Handle;
use super::Segment;
use super::Splicer;
use super::Taker;
use super::covered;
use super::samples::Blob;
use super::samples::Dribble;
use super::samples::blobs;
use super::samples::deflate;
use super::samples::drain;
use super::samples::flate2;
use super::samples::member;
use super::samples::plain;

/// A sink that can be looked into.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Notes the blocks that come, and up to where all are known.
struct Follower(Arc<Mutex<(Vec<Block>, u64)>>);

impl Taker for Follower {
    fn take(&mut self, block: &Block, _: &[u8]) -> io::Result<()> {
        let mut told = self.0.lock().unwrap();
        assert!(block.out >= told.1, "{block:?} after {}", told.1);
        told.0.push(*block);
        Ok(())
    }

    fn settle(&mut self, at: u64) {
        let mut told = self.0.lock().unwrap();
        assert!(at > told.1, "{at} after {}", told.1);
        told.1 = at;
    }
}

/// What is captured of `range` when the blob is read in pieces of `size`.
fn capture(
    gunzip: Gunzip<impl io::Read>,
    handle: &Handle,
    range: &Range<u64>,
    size: usize,
) -> (Segment, Vec<u8>) {
    let sink = Sink::default();
    handle.capture(range.clone(), Box::new(sink.clone()));
    drain(gunzip, size).unwrap();
    let segment = handle.segment(range.start).unwrap().unwrap();
    let raw = sink.0.lock().unwrap().clone();
    (segment, raw)
}

fn captured(blob: &Blob, range: &Range<u64>, size: usize) -> (Segment, Vec<u8>) {
    let (gunzip, handle) = Gunzip::new(Dribble(&blob.gz, size * 2 + 1)).watched(u64::MAX);
    capture(gunzip, &handle, range, size)
}

/// A tar of sorts: something, the file, something. Says how many bytes were copied, too.
fn splice(
    (segment, raw): &(Segment, Vec<u8>),
    file: &[u8],
    dirty: &[Range<u64>],
    size: usize,
) -> (Vec<u8>, Vec<u8>, u64) {
    let mut splicer = Splicer::new(Vec::new()).unwrap();
    let write = |splicer: &mut Splicer<_>, bytes: &[u8]| {
        bytes.chunks(size).for_each(|piece| splicer.write_all(piece).unwrap());
    };
    write(&mut splicer, &[7; 512]);
    splicer.begin(segment, Box::new(Cursor::new(raw.clone())), dirty).unwrap();
    write(&mut splicer, file);
    write(&mut splicer, &[9; 1024]);
    let copied = splicer.copied();
    let plain = [&[7; 512], file, &[9; 1024]].concat();
    (splicer.finish().unwrap(), plain, copied)
}

/// A range of the blob, ordered.
fn range(blob: &Blob, a: u64, b: u64) -> Range<u64> {
    let size = blob.plain.len() as u64 + 1;
    (a % size).min(b % size)..(a % size).max(b % size)
}

/// The file of a range, with some bytes changed, and where.
fn patched(blob: &Blob, range: &Range<u64>, patches: &[u64]) -> (Vec<u8>, Vec<Range<u64>>) {
    let mut file = blob.plain[range.start as usize..range.end as usize].to_vec();
    let mut dirty = Vec::new();
    for at in patches.iter().take(file.len()) {
        let at = (at % file.len() as u64) as usize;
        let end = file.len().min(at + 1 + at % 40);
        file[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        dirty.push(at as u64..end as u64);
    }
    (file, dirty)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_splice_holds_the_plain_bytes(
        blob in blobs(300_000), a in any::<u64>(), b in any::<u64>(),
        patches in proptest::collection::vec(any::<u64>(), 0..4), size in 200..50_000_usize,
    ) {
        let range = range(&blob, a, b);
        let segment = captured(&blob, &range, 8192);
        let (file, dirty) = patched(&blob, &range, &patches);
        let (gz, plain, _) = splice(&segment, &file, &dirty, 1 << 20);
        prop_assert!(flate2(&gz).unwrap() == plain);
        prop_assert!(drain(Gunzip::new(&gz[..]), 8192).unwrap() == plain);
        prop_assert!(splice(&captured(&blob, &range, size), &file, &dirty, size).0 == gz);
    }

    #[test]
    fn what_blocks_stand_for_need_not_be_written(
        blob in blobs(300_000),
        a in any::<u64>(),
        b in any::<u64>(),
        size in 1..70_000_usize,
    ) {
        let range = range(&blob, a, b);
        let file = &blob.plain[range.start as usize..range.end as usize];
        let taken = captured(&blob, &range, 4096);
        let (written, ..) = splice(&taken, file, &[], size);
        let mut crc = Crc::new();
        crc.update(file);
        let (segment, raw) = taken;
        let mut splicer = Splicer::new(Vec::new()).unwrap();
        splicer.write_all(&[7; 512]).unwrap();
        splicer.begin_known(segment.size, Box::new(Cursor::new(raw))).unwrap();
        let mut at = 0;
        // Told as they come, some at a time.
        for blocks in segment.blocks.chunks(1 + size % 3) {
            splicer.add(blocks).unwrap();
            for part in covered(blocks) {
                splicer.write_all(&file[at..part.start as usize]).unwrap();
                let first = (part.end - part.start).min(size as u64);
                splicer.pass(first).unwrap();
                splicer.pass(part.end - part.start - first).unwrap();
                at = part.end as usize;
            }
        }
        splicer.write_all(&file[at..]).unwrap();
        prop_assert!(splicer.pass(1).is_err(), "behind the file");
        splicer.sum(crc.sum()).unwrap();
        prop_assert!(splicer.sum(crc.sum()).is_err(), "told twice");
        splicer.write_all(&[9; 1024]).unwrap();
        prop_assert_eq!(splicer.finish().unwrap(), written);
    }

    #[test]
    fn blocks_are_told_before_what_is_behind_them_is_settled(
        blob in blobs(300_000),
        a in any::<u64>(),
        b in any::<u64>(),
        size in 1..70_000_usize,
    ) {
        let range = range(&blob, a, b);
        let (segment, _) = captured(&blob, &range, 8192);
        let (gunzip, handle) = Gunzip::new(Dribble(&blob.gz, size)).watched(u64::MAX);
        let follower = Arc::new(Mutex::new((Vec::new(), 0)));
        handle.capture(range.clone(), Box::new(Follower(Arc::clone(&follower))));
        drain(gunzip, size).unwrap();
        let (blocks, settled) = follower.lock().unwrap().clone();
        prop_assert_eq!((blocks, settled), (segment.blocks, segment.size));
    }

    #[test]
    fn a_splice_is_the_same_from_a_restart(blob in blobs(300_000), a in any::<u64>(), b in any::<u64>()) {
        let range = range(&blob, a, b);
        let (gunzip, handle) = Gunzip::new(&blob.gz[..]).watched(u64::MAX);
        handle.mark(range.start);
        let whole = capture(gunzip, &handle, &range, 8192);
        let Some(restart) = handle.restarts().pop() else { return Ok(()) };
        let rest = &blob.gz[restart.byte() as usize..];
        let (gunzip, handle) = Gunzip::resume(rest, &restart).unwrap().watched(u64::MAX);
        prop_assert_eq!(capture(gunzip, &handle, &range, 3000), whole);
    }
}

/// One long file, which `gzip` itself must be content with.
#[test]
fn gzip_accepts_a_splice_that_copies_nearly_all() {
    let plain = plain(3, 2_500_000);
    for (level, flushes) in [(6, vec![]), (0, vec![]), (9, vec![(1_000_000, false), (2_000_001, true)])] {
        let blob = Blob { gz: member(&deflate(&plain, level, &flushes), &plain), plain: plain.clone() };
        let range = 1000..blob.plain.len() as u64;
        let (file, dirty) = patched(&blob, &range, &[1_200_000]);
        let segment = captured(&blob, &range, 100_000);
        let (gz, spliced, copied) = splice(&segment, &file, &dirty, 100_000);
        assert!(copied > 2_000_000, "level {level}: {copied}");
        assert!(flate2(&gz).unwrap() == spliced);
        let mut gzip = Command::new("gzip").arg("-t").stdin(Stdio::piped()).spawn().unwrap();
        gzip.stdin.take().unwrap().write_all(&gz).unwrap();
        assert!(gzip.wait().unwrap().success());
    }
}

#[test]
fn a_file_captured_late_and_in_a_closed_range_is_the_same() {
    let plain = plain(11, 2_000_000);
    let blob = Blob { gz: member(&deflate(&plain, 6, &[]), &plain), plain };
    let range = 300_000..1_700_000_u64;
    let (gunzip, handle) = Gunzip::new(&blob.gz[..]).watched(u64::MAX);
    handle.mark(range.start);
    handle.end(range.end);
    let whole = capture(gunzip, &handle, &range, 8192);
    assert!(whole.0.blocks.len() > 3);
    let (restart, end) = (handle.restarts().pop().unwrap(), handle.ends()[0].1);
    let closed = &blob.gz[restart.byte() as usize..end as usize];
    let (mut gunzip, handle) = Gunzip::resume(closed, &restart).unwrap().watched(u64::MAX);
    let mut file = vec![0; (range.end - restart.out) as usize];
    let (early, late) = file.split_at_mut(1_000_000);
    io::Read::read_exact(&mut gunzip, early).unwrap();
    let sink = Sink::default();
    handle.capture(range.clone(), Box::new(sink.clone()));
    io::Read::read_exact(&mut gunzip, late).unwrap();
    assert_eq!(handle.segment(range.start).unwrap().unwrap(), whole.0);
    assert_eq!(*sink.0.lock().unwrap(), whole.1);
}

#[test]
fn a_capture_too_late_and_a_full_disk_are_told() {
    let plain = plain(5, 1_500_000);
    let gz = member(&deflate(&plain, 2, &[]), &plain);
    let (gunzip, handle) = Gunzip::new(&gz[..]).watched(u64::MAX);
    let full = File::options().write(true).open("/dev/full").unwrap();
    handle.capture(0..1_400_000, Box::new(full));
    drain(gunzip, 4096).unwrap();
    assert_eq!(handle.segment(0).unwrap().unwrap_err().kind(), io::ErrorKind::StorageFull);
    handle.capture(1..1_400_000, Box::new(Sink::default()));
    assert_eq!(handle.segment(1).unwrap().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(handle.segment(2).is_none());
}

#[test]
fn a_file_that_is_too_short_and_a_damaged_table_are_told() {
    let whole = Segment { size: 10, blocks: Vec::new() };
    let mut splicer = Splicer::new(Vec::new()).unwrap();
    splicer.begin(&whole, Box::new(io::empty()), &[]).unwrap();
    splicer.write_all(&[1; 9]).unwrap();
    assert_eq!(splicer.finish().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let block = Block { out: 40_000, length: 2000, bits: 100, first: 3, stored: false };
    for (size, block) in [
        (41_999, block),
        (1 << 20, Block { out: 32_767, ..block }),
        (1 << 20, Block { first: 8, ..block }),
        (1 << 20, Block { stored: true, ..block }),
    ] {
        let mut splicer = Splicer::new(Vec::new()).unwrap();
        let segment = Segment { size, blocks: vec![block] };
        let told = splicer.begin(&segment, Box::new(io::empty()), &[]).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::InvalidData, "{size} {block:?}");
    }
}

#[test]
fn a_sum_that_was_not_told_is_missed() {
    let mut splicer = Splicer::new(Vec::new()).unwrap();
    assert_eq!(splicer.add(&[]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let block = Block { out: 40_000, length: 2000, bits: 100, first: 3, stored: false };
    splicer.begin_known(100_000, Box::new(io::empty())).unwrap();
    splicer.write_all(&[1; 40_001]).unwrap();
    assert_eq!(splicer.add(&[block]).unwrap_err().kind(), io::ErrorKind::InvalidInput, "too late");
    let mut splicer = Splicer::new(Vec::new()).unwrap();
    splicer.begin_known(3, Box::new(io::empty())).unwrap();
    splicer.write_all(&[1; 2]).unwrap();
    assert_eq!(splicer.sum(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    splicer.write_all(&[1; 1]).unwrap();
    assert_eq!(splicer.write_all(&[1; 1]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn blocks_that_are_not_there_are_told() {
    let block = Block { out: 40_000, length: 2000, bits: 100, first: 3, stored: false };
    let segment = Segment { size: 100_000, blocks: vec![block] };
    let mut splicer = Splicer::new(Vec::new()).unwrap();
    splicer.begin(&segment, Box::new(io::empty()), &[]).unwrap();
    assert_eq!(splicer.write_all(&[1; 50_000]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
