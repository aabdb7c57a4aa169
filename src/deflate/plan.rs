//! Which blocks of a file can be copied: those whose output, and the 32 KiB before it, nobody changed.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use super::ring::WINDOW;
use super::segment::Block;
use super::segment::follow;

/// The blocks of a file that are copied, in their order.
pub(super) struct Plan {
    blocks: VecDeque<Block>,
    /// Where the last block ends that was added.
    end: u64,
    /// Length of the file.
    size: u64,
    /// Ranges that were changed, apart from each other, the last one first.
    dirty: Vec<Range<u64>>,
    /// Bytes of blocks that were passed over since the last one that was copied.
    skipped: u64,
}

impl Plan {
    /// A plan for a file of `size` bytes, no block of which is known.
    pub(super) fn new(size: u64, dirty: &[Range<u64>]) -> Self {
        Self { blocks: VecDeque::new(), end: WINDOW as u64, size, dirty: apart(dirty), skipped: 0 }
    }

    /// Adds the blocks that come next.
    ///
    /// # Errors
    /// `InvalidData` where they cannot be the file's.
    pub(super) fn add(&mut self, blocks: &[Block]) -> io::Result<()> {
        self.end = follow(blocks, self.end, self.size)?;
        self.blocks.extend(blocks);
        self.settle();
        Ok(())
    }

    /// Where the output of the next block that is copied begins.
    pub(super) fn next(&self) -> Option<u64> {
        self.blocks.front().map(|block| block.out)
    }

    /// The block that is copied at `at`, if there is one. [`Plan::skipped`] tells what lies before it.
    pub(super) fn at(&mut self, at: u64) -> Option<Block> {
        self.blocks.pop_front_if(|block| block.out == at)
    }

    /// How many bytes of the segment were passed over; goes on to the next block.
    pub(super) fn skipped(&mut self) -> u64 {
        let skipped = std::mem::take(&mut self.skipped);
        self.settle();
        skipped
    }

    /// Passes over blocks that cannot be copied.
    fn settle(&mut self) {
        while let Some(block) = self.blocks.pop_front_if(|block| is_dirty(&mut self.dirty, block)) {
            self.skipped += block.bytes() as u64;
        }
    }
}

fn is_dirty(dirty: &mut Vec<Range<u64>>, block: &Block) -> bool {
    let from = block.out.saturating_sub(WINDOW as u64);
    while dirty.last().is_some_and(|range| range.end <= from) {
        dirty.pop();
    }
    dirty.last().is_some_and(|range| range.start < block.end())
}

/// The ranges merged where they meet, the last one first.
fn apart(dirty: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = dirty.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged.reverse();
    merged
}
