//! A file is taken out of a blob and spliced into a new one, with some bytes changed. The input says what the
//! blob holds and how it is compressed, which range the file is, where it is changed, and how all is read.
#![no_main]

use std::io::Cursor;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;

use flate2::Compress;
use flate2::Compression;
use flate2::Crc;
use flate2::FlushCompress;
use flate2::bufread::MultiGzDecoder;
use imgforge::deflate::Gunzip;
use imgforge::deflate::Segment;
use imgforge::deflate::Splicer;
use imgforge::deflate::covered;
use libfuzzer_sys::fuzz_target;

const MOST: usize = 400 << 10;

/// A member: its bytes, and where it is flushed.
#[derive(Default)]
struct Member {
    plain: Vec<u8>,
    flushes: Vec<usize>,
}

/// Reads the input as operations: bytes, copies, zeros, noise, flushes and new members.
fn members(mut data: &[u8]) -> Vec<Member> {
    let (mut all, mut total) = (vec![Member::default()], 0);
    while let [op, a, b, rest @ ..] = data {
        data = rest;
        let length = (usize::from(*a) + 1) * [1, 40, 200, 700][usize::from(op >> 6)];
        let member = all.last_mut().expect("there is always one");
        let before = member.plain.len();
        match op & 7 {
            0 | 1 => {
                let count = length.min(data.len());
                member.plain.extend_from_slice(&data[..count]);
                data = &data[count..];
            }
            2 | 3 if before > 0 => {
                let distance = 1 + (usize::from(*b) * 129 + usize::from(*a)) % before.min(33_000);
                (0..length).for_each(|_| member.plain.push(member.plain[member.plain.len() - distance]));
            }
            4 => member.plain.resize(before + length, *b),
            5 => {
                let mut state = u32::from(*b) + 1;
                member.plain.extend((0..length).map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                }));
            }
            6 => member.flushes.push(before),
            7 if all.len() < 4 => all.push(Member::default()),
            _ => {}
        }
        total += length;
        if total > MOST {
            break;
        }
    }
    all
}

fn compress(member: &Member, level: u32) -> Vec<u8> {
    let plain = &member.plain;
    let mut out = Vec::with_capacity(plain.len() * 9 / 8 + 1024 + member.flushes.len() * 64);
    out.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let (mut compress, mut done) = (Compress::new(Compression::new(level), false), 0);
    for at in &member.flushes {
        let flush = if at % 2 == 0 { FlushCompress::Sync } else { FlushCompress::Full };
        compress.compress_vec(&plain[done..*at], &mut out, flush).expect("to compress");
        done = *at;
    }
    compress.compress_vec(&plain[done..], &mut out, FlushCompress::Finish).expect("to compress");
    assert_eq!(compress.total_in(), plain.len() as u64);
    let mut crc = Crc::new();
    crc.update(plain);
    out.extend(crc.sum().to_le_bytes());
    out.extend((plain.len() as u32).to_le_bytes());
    out
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic before").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn captured(gz: &[u8], range: &Range<u64>, size: usize) -> (Segment, Vec<u8>) {
    let (mut gunzip, handle) = Gunzip::new(gz).watched(u64::MAX);
    let sink = Sink::default();
    handle.capture(range.clone(), Box::new(sink.clone()));
    let mut piece = vec![0; size];
    while gunzip.read(&mut piece).expect("a sound blob") > 0 {}
    let segment = handle.segment(range.start).expect("all was read").expect("a sink without errors");
    let raw = std::mem::take(&mut *sink.0.lock().expect("no panic before"));
    (segment, raw)
}

fn spliced((segment, raw): (Segment, Vec<u8>), file: &[u8], dirty: &[Range<u64>], size: usize) -> Vec<u8> {
    let mut splicer = Splicer::new(Vec::new()).expect("a vector");
    splicer.write_all(&[1; 512]).expect("a vector");
    splicer.begin(&segment, Box::new(Cursor::new(raw)), dirty).expect("a sound table");
    file.chunks(size).for_each(|piece| splicer.write_all(piece).expect("all blocks"));
    splicer.write_all(&[2; 700]).expect("a vector");
    splicer.finish().expect("a whole file")
}

/// As [`spliced`], of a file that is known: what blocks stand for is not written.
fn passed((segment, raw): (Segment, Vec<u8>), file: &[u8], size: usize) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(file);
    let mut splicer = Splicer::new(Vec::new()).expect("a vector");
    splicer.write_all(&[1; 512]).expect("a vector");
    splicer.begin_known(segment.size, Box::new(Cursor::new(raw))).expect("no file before");
    let mut at = 0;
    for blocks in segment.blocks.chunks(1 + size % 5) {
        splicer.add(blocks).expect("a sound table");
        for part in covered(blocks) {
            splicer.write_all(&file[at..part.start as usize]).expect("all blocks");
            let first = (part.end - part.start).min(size as u64);
            splicer.pass(first).expect("blocks");
            splicer.pass(part.end - part.start - first).expect("blocks");
            at = part.end as usize;
        }
    }
    splicer.write_all(&file[at..]).expect("all blocks");
    splicer.sum(crc.sum()).expect("the end of the file");
    splicer.write_all(&[2; 700]).expect("a vector");
    splicer.finish().expect("a whole file")
}

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let [level, from, to, size, first, second, rest @ ..] = data else { return };
    let members = members(rest);
    let plain: Vec<u8> = members.iter().flat_map(|member| &member.plain).copied().collect();
    let gz: Vec<u8> = members.iter().flat_map(|member| compress(member, u32::from(level % 10))).collect();
    let at = |part: u8| plain.len() * usize::from(part) / 255;
    let range = at(*from).min(at(*to)) as u64..at(*from).max(at(*to)) as u64;
    let mut file = plain[range.start as usize..range.end as usize].to_vec();
    let mut dirty = Vec::new();
    let length = file.len();
    for patch in [first, second].into_iter().filter(|patch| **patch > 0 && length > 0) {
        let begin = (length - 1) * usize::from(*patch) / 255;
        let end = length.min(begin + 16);
        file[begin..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        dirty.push(begin as u64..end as u64);
    }
    let size = 1 + usize::from(*size) * 300;
    let new = spliced(captured(&gz, &range, 64 << 10), &file, &dirty, 1 << 20);
    assert!(spliced(captured(&gz, &range, size), &file, &dirty, size) == new);
    if dirty.is_empty() {
        assert!(passed(captured(&gz, &range, size), &file, size) == new);
    }
    let mut read = Vec::new();
    MultiGzDecoder::new(&new[..]).read_to_end(&mut read).expect("a sound blob");
    assert!(read == [&[1; 512], &file[..], &[2; 700]].concat());
});
