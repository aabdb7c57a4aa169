//! A part of a blob as a reader: short ones in one request, long ones in pieces that are fetched side by side and
//! given out in order.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::sync::Arc;

use crate::transport::error::Error;
use crate::transport::registry::download::Download;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::pace::Leave;
use crate::transport::registry::reader::BlobReader;

/// How many chunks may wait for the reader where nothing is held ahead.
const FEW: usize = 16;

/// How many chunks of a piece may wait for its turn: in practice all. A server that sends crumbs is slowed down here,
/// or they would take more memory than what is in them.
const MANY: usize = 8 << 10;

/// The near end. The piece that is being read is always under way; those after it as the [`Pace`] admits them, so a
/// reader that gets no leave is slow and never stuck.
///
/// [`Pace`]: crate::transport::registry::pace::Pace
pub(super) struct Pieces {
    engine: Arc<Engine>,
    /// What nobody has asked for yet.
    rest: Download,
    size: u64,
    queue: VecDeque<(BlobReader, Option<Leave>)>,
}

impl Pieces {
    /// Begins with the first of pieces of `size` bytes and waits for its answer. A server that has no ranges is then
    /// known, and what it sends is taken as one stream to the end.
    pub(super) fn open(engine: Arc<Engine>, mut rest: Download, size: u64) -> Result<Self, Error> {
        let (mut first, end) = (rest.split(size), rest.end);
        let (first, stream) = engine.run(async move {
            let stream = first.start().await?;
            if stream.whole {
                first.end = end;
            }
            Ok((first, stream))
        })?;
        rest.position = first.end;
        let (reader, work) = BlobReader::new(first, Some(stream), FEW);
        engine.spawn(work);
        let mut pieces = Self { engine, rest, size, queue: VecDeque::from([(reader, None)]) };
        pieces.fill();
        Ok(pieces)
    }

    /// Begins as many pieces as may be held, and the next one in any case.
    fn fill(&mut self) {
        while !self.rest.is_done() {
            let leave = self.engine.client().pace.admit();
            if leave.is_none() && !self.queue.is_empty() {
                return;
            }
            let piece = self.rest.split(self.size);
            let room = if leave.is_some() { MANY } else { FEW };
            let (reader, work) = BlobReader::new(piece, None, room);
            self.engine.spawn(work);
            self.queue.push_back((reader, leave));
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.fill();
            let Some((reader, _)) = self.queue.front_mut() else {
                return Ok(0);
            };
            let count = reader.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.engine.client().pace.good();
            self.queue.pop_front();
        }
    }
}
