//! Where a layer's blob can be read from: what one full pass over it teaches besides what is in it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use super::blob::Anchor;
use super::word::Word;
use crate::deflate::Restart;
use crate::layer::frames::Frame;
use crate::oci::Digest;
use crate::store::Store;

/// Shortest file that has a restart point of its own before it, and whose end in the blob is known.
pub(super) const OWN_POINT: u64 = 1 << 20;
/// Longest way in the tar from one restart point to the next, in bytes.
pub(super) const SPACING: u64 = 32 << 20;

/// How to get at the middle of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Where hashing can begin and end.
    pub anchors: Vec<Anchor>,
    /// How the tar is wrapped.
    pub wrapping: Wrapping,
}

/// How decoding can begin in the middle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrapping {
    /// The blob is the tar.
    None,
    /// Gzip.
    Gzip {
        /// Where decoding can begin, in the order of the blob; the first at its start.
        restarts: Vec<Restart>,
        /// For ends of files in the tar and of what is before them: the offset in the blob after the block that has the last
        /// byte.
        ends: BTreeMap<u64, u64>,
    },
    /// Zstandard.
    Zstd {
        /// Where decoding can begin, in the order of the blob; the first at its start. Of a blob of one frame, that is all.
        frames: Vec<Frame>,
    },
}

/// How decoding begins on a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// The bytes are the tar's.
    Tar,
    /// At a restart point of gzip.
    Gzip(Restart),
    /// At the beginning of a Zstandard frame.
    Zstd,
}

/// A way to a file in the middle of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// The bytes of the blob that are needed.
    pub(super) bytes: Range<u64>,
    /// Where in the tar they begin to make sense.
    pub(super) out: u64,
    /// How to decode them.
    pub(super) start: Start,
}

/// The way to read a layer in parts, when it was read whole before: here, or where others go by whose `word` it is.
#[must_use]
pub fn known(store: &Store, layer: &Digest, word: Word) -> Option<Access> {
    super::note::load_access(store, layer, word)
}

impl Access {
    /// The way to `wanted`, a range of the tar. The blob has `size` bytes. `None` when no bytes lead there.
    pub(super) fn way(&self, wanted: &Range<u64>, size: u64) -> Option<Way> {
        match &self.wrapping {
            Wrapping::None if wanted.end <= size => {
                Some(Way { bytes: wanted.clone(), out: wanted.start, start: Start::Tar })
            }
            Wrapping::None => None,
            Wrapping::Gzip { restarts, ends } => {
                let next = restarts.partition_point(|restart| restart.out <= wanted.start);
                let restart = restarts.get(next.checked_sub(1)?)?;
                let after = restarts.iter().skip(next).find(|restart| restart.out >= wanted.end);
                let end = ends.range(wanted.end..).next().map_or(size, |(_, end)| *end);
                let after = after.map_or(size, |restart| restart.bit / 8 + 1);
                let (start, end) = (restart.bit / 8, end.min(after).min(size));
                let way = Way { bytes: start..end, out: restart.out, start: Start::Gzip(restart.clone()) };
                (start < end).then_some(way)
            }
            Wrapping::Zstd { frames } => {
                let next = frames.partition_point(|frame| frame.out <= wanted.start);
                let frame = frames.get(next.checked_sub(1)?)?;
                let after = frames.iter().skip(next).find(|frame| frame.out >= wanted.end);
                let bytes = frame.start..after.map_or(size, |after| after.start.min(size));
                (bytes.start < bytes.end).then_some(Way { bytes, out: frame.out, start: Start::Zstd })
            }
        }
    }

    /// The anchors around a range of the blob.
    pub(super) fn around(&self, range: &Range<u64>) -> Option<(&Anchor, &Anchor)> {
        let from = self.anchors.iter().rev().find(|anchor| anchor.offset <= range.start)?;
        let until = self.anchors.iter().find(|anchor| anchor.offset >= range.end)?;
        Some((from, until))
    }
}
