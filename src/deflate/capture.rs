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

/// A file whose blocks are being kept.
struct Capture {
    range: Range<u64>,
    sink: Box<dyn Write + Send>,
    segment: Segment,
    failed: Option<io::Error>,
    /// The number of the next block.
    next: u64,
}

/// The files whose blocks are kept, by their beginning.
#[derive(Default)]
pub(super) struct Captures {
    active: BTreeMap<u64, Capture>,
    done: BTreeMap<u64, io::Result<Segment>>,
}

impl Captures {
    /// Asks for the blocks of a file; `served` bytes of output have been read.
    pub(super) fn want(&mut self, range: Range<u64>, sink: Box<dyn Write + Send>, served: u64) {
        if served > range.start + LATE {
            let late =
                io::Error::new(io::ErrorKind::InvalidInput, "the file's blocks were asked for too late");
            self.done.insert(range.start, Err(late));
            return;
        }
        let segment = Segment { size: range.end.saturating_sub(range.start), blocks: Vec::new() };
        self.active.insert(range.start, Capture { range, sink, segment, failed: None, next: 0 });
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
                capture.failed = capture.sink.write_all(tape.bytes(block)).err();
                capture.segment.blocks.push(Block {
                    out: block.out - capture.range.start,
                    length: block.length,
                    bits: block.bits,
                    first: block.first,
                    stored: block.stored,
                });
            }
        }
        for (start, mut capture) in self.active.extract_if(.., |_, capture| capture.range.end <= total) {
            let failed = capture.failed.or_else(|| capture.sink.flush().err());
            self.done.insert(start, failed.map_or(Ok(capture.segment), Err));
        }
    }
}
