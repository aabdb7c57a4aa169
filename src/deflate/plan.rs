//! Which blocks of a file can be copied: those whose output, and the 32 KiB before it, nobody changed.

use std::ops::Range;

use super::ring::WINDOW;
use super::segment::Block;
use super::segment::Segment;

/// The blocks of a file that are copied, in their order.
pub(super) struct Plan {
    blocks: std::iter::Peekable<std::vec::IntoIter<Block>>,
    /// Ranges that were changed, apart from each other, the last one first.
    dirty: Vec<Range<u64>>,
    /// Bytes of blocks that were passed over since the last one that was copied.
    skipped: u64,
}

impl Plan {
    pub(super) fn new(segment: Segment, dirty: &[Range<u64>]) -> Self {
        let mut plan =
            Self { blocks: segment.blocks.into_iter().peekable(), dirty: apart(dirty), skipped: 0 };
        plan.settle();
        plan
    }

    /// Where the output of the next block that is copied begins.
    pub(super) fn next(&mut self) -> Option<u64> {
        self.blocks.peek().map(|block| block.out)
    }

    /// The block that is copied at `at`, if there is one. [`Plan::skipped`] tells what lies before it.
    pub(super) fn at(&mut self, at: u64) -> Option<Block> {
        self.blocks.next_if(|block| block.out == at)
    }

    /// How many bytes of the segment were passed over; goes on to the next block.
    pub(super) fn skipped(&mut self) -> u64 {
        let skipped = std::mem::take(&mut self.skipped);
        self.settle();
        skipped
    }

    /// Passes over blocks that cannot be copied.
    fn settle(&mut self) {
        while let Some(block) = self.blocks.next_if(|block| is_dirty(&mut self.dirty, block)) {
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
