//! Blobs for the tests: made by flate2, or by hand bit for bit.

use std::io::Read;

use flate2::Compress;
use flate2::Compression;
use flate2::Crc;
use flate2::FlushCompress;
use proptest::prelude::*;

/// Bytes of which some repeat, some are noise and some are zeros, in stretches of up to 24 KiB.
pub(super) fn plain(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let stretch = 1 + random() % (24 << 10);
        match random() % 5 {
            0 => bytes.extend((0..stretch).map(|_| random() as u8)),
            1 => bytes.extend((0..stretch).map(|_| b"etaoin shrdlu\n"[random() % 14])),
            2 if !bytes.is_empty() => {
                let distance = 1 + random() % bytes.len().min(32 << 10);
                (0..stretch).for_each(|_| bytes.push(bytes[bytes.len() - distance]));
            }
            3 => bytes.resize(bytes.len() + stretch, 0),
            _ => bytes.extend((0..stretch).map(|at| (at >> 3) as u8 & random() as u8)),
        }
    }
    bytes.truncate(length);
    bytes
}

/// A deflate stream at `level`, flushed at each of `flushes`, which say where and whether fully.
pub(super) fn deflate(plain: &[u8], level: u32, flushes: &[(usize, bool)]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 8 + 1024 + flushes.len() * 64);
    let mut flushes: Vec<_> = flushes.iter().map(|(at, full)| (at % (plain.len() + 1), *full)).collect();
    flushes.sort_unstable();
    let mut done = 0;
    for (at, full) in flushes {
        let flush = if full { FlushCompress::Full } else { FlushCompress::Sync };
        compress.compress_vec(&plain[done..at], &mut out, flush).unwrap();
        done = at;
    }
    compress.compress_vec(&plain[done..], &mut out, FlushCompress::Finish).unwrap();
    assert_eq!(compress.total_in(), plain.len() as u64);
    out
}

/// A gzip member around a deflate stream.
pub(super) fn member(stream: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(plain);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(stream);
    out.extend(crc.sum().to_le_bytes());
    out.extend((plain.len() as u32).to_le_bytes());
    out
}

/// A gzip blob and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) gz: Vec<u8>,
    pub(super) plain: Vec<u8>,
}

/// Blobs of up to three members, of `most` bytes each, at any level and with any flushes.
pub(super) fn blobs(most: usize) -> impl Strategy<Value = Blob> {
    let flushes = proptest::collection::vec((any::<usize>(), any::<bool>()), 0..6);
    let one = (any::<u32>(), prop_oneof![Just(0), 1..most], 0..10_u32, flushes);
    proptest::collection::vec(one, 1..4).prop_map(|members| {
        let mut blob = Blob { gz: Vec::new(), plain: Vec::new() };
        for (seed, length, level, flushes) in members {
            let plain = plain(seed, length);
            blob.gz.extend(member(&deflate(&plain, level, &flushes), &plain));
            blob.plain.extend(plain);
        }
        blob
    })
}

/// A reader that gives at most so many bytes at once.
pub(super) struct Dribble<'a>(pub(super) &'a [u8], pub(super) usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

/// Reads `reader` to its end in pieces of `size`.
pub(super) fn drain(mut reader: impl Read, size: usize) -> std::io::Result<Vec<u8>> {
    let (mut out, mut piece) = (Vec::new(), vec![0; size]);
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(out),
            count => out.extend(&piece[..count]),
        }
    }
}

/// What flate2 makes of a blob.
pub(super) fn flate2(gz: &[u8]) -> std::io::Result<Vec<u8>> {
    drain(flate2::bufread::MultiGzDecoder::new(gz), 64 << 10)
}

/// Bits written by hand.
#[derive(Default)]
pub(super) struct Hand {
    bytes: Vec<u8>,
    count: usize,
}

impl Hand {
    /// `count` bits of a number, from its low end.
    pub(super) fn number(mut self, value: usize, count: usize) -> Self {
        for bit in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.count / 8] |=
                ((value.checked_shr(bit as u32).unwrap_or(0) & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
        self
    }

    /// A code word, from its high end.
    pub(super) fn word(self, word: &str) -> Self {
        word.bytes().fold(self, |hand, bit| hand.number(usize::from(bit == b'1'), 1))
    }

    /// The head of a dynamic block: lengths of the code of code lengths in the order they are written.
    pub(super) fn dynamic(self, literals: usize, distances: usize, short: &[usize]) -> Self {
        let hand = self.word("1").number(2, 2).number(literals - 257, 5).number(distances - 1, 5);
        short.iter().fold(hand.number(short.len() - 4, 4), |hand, length| hand.number(*length, 3))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}
