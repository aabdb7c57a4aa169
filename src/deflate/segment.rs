//! The deflate blocks of a file: a table of them, whose bytes lie beside it.

use std::io;
use std::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use super::ring::WINDOW;
use super::tape::MOST;

/// Which blocks of a file are at hand. Their compressed bytes stand one after another in a file of their own,
/// each block beginning with a byte of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Length of the file.
    pub size: u64,
    /// Whole blocks of it in their order, none in its first 32 KiB.
    pub blocks: Vec<Block>,
}

/// One deflate block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Where its output begins in the file.
    pub out: u64,
    /// Length of its output.
    pub length: u32,
    /// Its length in bits.
    pub bits: u32,
    /// Which bit of its first byte it begins with.
    pub first: u8,
    /// Whether its bytes are stored as they are, which binds them to bytes.
    pub stored: bool,
}

impl Block {
    /// How many bytes hold its bits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (usize::from(self.first) + self.bits as usize).div_ceil(8)
    }

    /// Where its output ends in the file.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.out.saturating_add(u64::from(self.length))
    }
}

impl Segment {
    /// Whether the table can be what it says it is.
    ///
    /// # Errors
    /// `InvalidData` where it cannot.
    pub fn validate(&self) -> io::Result<()> {
        follow(&self.blocks, WINDOW as u64, self.size).map(drop)
    }
}

/// The parts of a file that `blocks` stand for, in their order and apart from each other.
#[must_use]
pub fn covered(blocks: &[Block]) -> Vec<Range<u64>> {
    let mut covered: Vec<Range<u64>> = Vec::new();
    for block in blocks {
        match covered.last_mut().filter(|last| last.end == block.out) {
            Some(last) => last.end = block.end(),
            None => covered.push(block.out..block.end()),
        }
    }
    covered.retain(|range| !range.is_empty());
    covered
}

/// Where the last of `blocks` ends, or `end` if there is none: they lie between `end` and the end of a file of `size`
/// bytes, in their order.
pub(super) fn follow(blocks: &[Block], mut end: u64, size: u64) -> io::Result<u64> {
    for block in blocks {
        let fits = block.first < 8 && block.bits >= 3 && block.bytes() <= MOST + 8;
        let head = (u64::from(block.first) + 3).next_multiple_of(8) + 32 - u64::from(block.first);
        let stored = !block.stored || u64::from(block.bits) == head + 8 * u64::from(block.length);
        if block.out < end || block.end() > size || !fits || !stored {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the table of a file's blocks is damaged",
            ));
        }
        end = block.end();
    }
    Ok(end)
}
