//! Keeping the compressed blocks of a file, so that they can be put into another blob as they are.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::ops::Range;

use super::ring::WINDOW;
use super::segment::Block;
use super::segment::Segment;
use super::tape::Tape;

/// How much output may have been read behind a file's beginning when its blocks are asked for.
pub(super) const LATE: u64 = 1 << 20;

/// Who gets the blocks of a file as they come.
pub trait Taker: Send {
    /// A block, and the bytes that hold it.
    ///
    /// # Errors
    /// It cannot be kept. Then no more come.
    fn take(&mut self, block: &Block, bytes: &[u8]) -> io::Result<()>;

    /// All blocks have come that begin before byte `at` of the file.
    fn settle(&mut self, at: u64) {
        let _ = at;
    }
}

/// Writes the bytes one after another; whoever gathers them must flush at the end.
impl<W: Write + Send> Taker for W {
    fn take(&mut self, _: &Block, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

/// A file whose blocks are being kept.
struct Capture {
    range: Range<u64>,
    taker: Box<dyn Taker>,
    segment: Segment,
    failed: Option<io::Error>,
    /// The number of the next block.
    next: u64,
    /// Up to which byte of the file its blocks are known.
    settled: u64,
}

/// The files whose blocks are kept, by their beginning.
#[derive(Default)]
pub(super) struct Captures {
    active: BTreeMap<u64, Capture>,
    done: BTreeMap<u64, io::Result<Segment>>,
}

impl Captures {
    /// Asks for the blocks of a file; `served` bytes of output have been read.
    pub(super) fn want(&mut self, range: Range<u64>, taker: Box<dyn Taker>, served: u64) {
        if served > range.start + LATE {
            let late =
                io::Error::new(io::ErrorKind::InvalidInput, "the file's blocks were asked for too late");
            self.done.insert(range.start, Err(late));
            return;
        }
        let segment = Segment { size: range.end.saturating_sub(range.start), blocks: Vec::new() };
        self.active.insert(range.start, Capture { range, taker, segment, failed: None, next: 0, settled: 0 });
    }

    /// The blocks of the file that begins at `start`, once all are known.
    pub(super) fn take(&mut self, start: u64) -> Option<io::Result<Segment>> {
        self.done.remove(&start)
    }

    /// Keeps the blocks that have come; `total` bytes of output are known.
    pub(super) fn progress(&mut self, tape: &Tape, total: u64) {
        for capture in self.active.values_mut() {
            while let Some((number, block)) = tape.block(capture.next) {
                capture.next = number + 1;
                // Not the block that ends with the file: whoever reads no further does not see that it ends.
                let inside = block.out >= capture.range.start + WINDOW as u64
                    && block.out + u64::from(block.length) < capture.range.end;
                if !inside || capture.failed.is_some() {
                    continue;
                }
                let kept = Block {
                    out: block.out - capture.range.start,
                    length: block.length,
                    bits: block.bits,
                    first: block.first,
                    stored: block.stored,
                };
                capture.failed = capture.taker.take(&kept, tape.bytes(block)).err();
                capture.segment.blocks.push(kept);
            }
            // Of a block that has not ended nobody knows whether it is one to keep.
            let known = if capture.range.end <= total { total } else { tape.ended().min(total) };
            let settled = known.saturating_sub(capture.range.start).min(capture.segment.size);
            if settled > capture.settled && capture.failed.is_none() {
                capture.settled = settled;
                capture.taker.settle(settled);
            }
        }
        for (start, capture) in self.active.extract_if(.., |_, capture| capture.range.end <= total) {
            self.done.insert(start, capture.failed.map_or(Ok(capture.segment), Err));
        }
    }
}
