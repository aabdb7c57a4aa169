//! The compressed side of a layer: hashed as it passes, with places from which the hashing can go on.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Serialize;

use crate::oci::digest::HashState;
use crate::oci::digest::Hasher;

/// Compressed bytes from one anchor to the next.
pub(super) const SPAN: u64 = 4 << 20;

/// The state of a blob's hash at an offset. A blob whose digest was verified makes its anchors trusted: bytes that
/// lead from one anchor's state to the next one's are the blob's own, without the rest of it being read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Offset in the blob: a multiple of 4 MiB, or its length.
    pub offset: u64,
    /// The state after the bytes before it.
    pub state: HashState,
}

/// What has passed of a blob.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    pub(super) hasher: Hasher,
    /// From offset 0 on; the end has one too once [`Passed::end`] was called.
    pub(super) anchors: Vec<Anchor>,
}

impl Passed {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.anchor_if(self.hasher.length().is_multiple_of(SPAN));
            let room = SPAN - self.hasher.length() % SPAN;
            let step = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            self.hasher.update(&bytes[..step]);
            bytes = &bytes[step..];
        }
    }

    /// The anchor at the end.
    pub(super) fn end(&mut self) {
        let known = self.anchors.last().is_some_and(|last| last.offset == self.hasher.length());
        self.anchor_if(!known);
    }

    /// What had passed at the last anchor at or before `offset`, that one not among the anchors: it comes again.
    pub(super) fn until(anchors: &[Anchor], offset: u64) -> Option<Self> {
        let behind = anchors.partition_point(|anchor| anchor.offset <= offset);
        let (last, before) = anchors.get(..behind)?.split_last()?;
        let aligned = last.offset.is_multiple_of(SPAN);
        let hasher = Hasher::resume(&last.state, last.offset).filter(|_| aligned)?;
        Some(Self { hasher, anchors: before.to_vec() })
    }

    fn anchor_if(&mut self, here: bool) {
        if here {
            self.anchors.push(Anchor { offset: self.hasher.length(), state: self.hasher.state() });
        }
    }
}

/// Hashes what is read through it, and stops one byte after the promised size.
pub(super) struct Blob {
    inner: io::Take<Box<dyn Read + Send>>,
    passed: Arc<Mutex<Passed>>,
}

impl Blob {
    /// The reader, and where to look up what has passed.
    pub(super) fn new(inner: Box<dyn Read + Send>, size: u64) -> (Self, Arc<Mutex<Passed>>) {
        Self::on(inner, size, Passed::default())
    }

    /// As [`Blob::new`], of a blob of which something has passed already; `inner` begins behind it.
    pub(super) fn on(inner: Box<dyn Read + Send>, size: u64, passed: Passed) -> (Self, Arc<Mutex<Passed>>) {
        let left = size.saturating_sub(passed.hasher.length());
        let passed = Arc::new(Mutex::new(passed));
        (Self { inner: inner.take(left.saturating_add(1)), passed: Arc::clone(&passed) }, passed)
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..count]);
        Ok(count)
    }
}

/// A part of a blob between two anchors, verified at its end: only a read to the end has verified it.
pub(super) struct Span<R> {
    inner: R,
    hasher: Hasher,
    until: Anchor,
}

impl<R: Read> Span<R> {
    /// Reads `inner`, the bytes between `from` and `until`; `None` when an anchor is none.
    pub(super) fn new(inner: R, from: &Anchor, until: &Anchor) -> Option<Self> {
        Some(Self { inner, hasher: Hasher::resume(&from.state, from.offset)?, until: until.clone() })
    }
}

impl<R: Read> Read for Span<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        let ended = count == 0 && !buffer.is_empty();
        let same = self.hasher.length() == self.until.offset && self.hasher.state() == self.until.state;
        if (ended || self.hasher.length() > self.until.offset) && !same {
            let text = "the bytes of this part of the blob are not those that its digest was made of";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_verified_without_the_rest() {
        let bytes: Vec<u8> = (0..3 * SPAN + 12345).map(|n| (n % 253) as u8).collect();
        let (mut blob, passed) = Blob::new(Box::new(io::Cursor::new(bytes.clone())), bytes.len() as u64);
        io::copy(&mut blob, &mut io::sink()).unwrap();
        let mut passed = passed.lock().unwrap().clone();
        passed.end();
        let offsets: Vec<u64> = passed.anchors.iter().map(|anchor| anchor.offset).collect();
        assert_eq!(offsets, [0, SPAN, 2 * SPAN, 3 * SPAN, 3 * SPAN + 12345]);
        let part = |from: usize, until: usize, bytes: &[u8]| {
            let mut span = Span::new(bytes, &passed.anchors[from], &passed.anchors[until]).unwrap();
            io::copy(&mut span, &mut io::sink())
        };
        let cut = |from: u64, until: u64| &bytes[from as usize..until as usize];
        assert!(part(1, 3, cut(SPAN, 3 * SPAN)).is_ok());
        assert!(part(3, 4, cut(3 * SPAN, 3 * SPAN + 12345)).is_ok());
        assert!(part(1, 3, cut(SPAN, 3 * SPAN - 1)).is_err());
        assert!(part(1, 3, cut(SPAN, 3 * SPAN + 1)).is_err());
        assert!(part(0, 1, cut(SPAN, 2 * SPAN)).is_err());
        let mut flipped = cut(SPAN, 2 * SPAN).to_vec();
        flipped[1000] ^= 1;
        assert!(part(1, 2, &flipped).is_err());
    }
}
