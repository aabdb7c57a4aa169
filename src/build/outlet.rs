//! What the thread that encodes a layer's tar tells the one that puts deflate blocks together.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;

use crate::deflate;
use crate::deflate::Block;
use crate::index::Following;

/// Bytes that are handed over at once.
const CHUNK: usize = 256 << 10;

/// What the writing thread is told.
pub(super) enum Event {
    /// Bytes of the tar.
    Bytes(Vec<u8>),
    /// The bytes of a file of this size come next, but for those that are passed over; the bytes of its blocks.
    File(u64, Box<dyn Read + Send>),
    /// Blocks of the file: those that begin next.
    Blocks(Vec<Block>),
    /// So many bytes for which the file's blocks stand.
    Pass(u64),
    /// The file has ended, and this is its CRC-32.
    Sum(u32),
    /// The tar has ended. Without it nothing is whole.
    End,
}

/// A file that brings its blocks.
pub(super) struct Spliced {
    /// Length of the file.
    pub(super) size: u64,
    /// The bytes of its blocks.
    pub(super) raw: Box<dyn Read + Send>,
    /// Which they are.
    pub(super) blocks: Blocks,
}

/// The blocks of a file.
pub(super) enum Blocks {
    /// All of them, and the file's CRC-32.
    Known(Vec<Block>, u32),
    /// They are told while the file comes.
    Coming(Following),
}

impl Blocks {
    /// Those that were not told yet. They are enough for all bytes of the file that have been read.
    fn fresh(&mut self) -> Vec<Block> {
        match self {
            Self::Known(blocks, _) => std::mem::take(blocks),
            Self::Coming(following) => following.blocks(),
        }
    }

    fn sum(&self) -> io::Result<u32> {
        match self {
            Self::Known(_, sum) => Ok(*sum),
            Self::Coming(following) => following.sum().ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Whose bytes come next, once the encoder has opened a file that brings its blocks.
pub(super) type Next = Rc<RefCell<Option<Spliced>>>;

/// The encoder's end of the channel.
pub(super) struct Outlet {
    send: SyncSender<Event>,
    spare: Receiver<Vec<u8>>,
    next: Next,
    buffer: Vec<u8>,
    /// The file whose bytes are coming, and its length.
    file: Option<(u64, Blocks)>,
    /// Where the next byte lies in it.
    at: u64,
    /// Bytes that were passed over and not told: there are none where others come next.
    passed: u64,
    /// What of it blocks stand for and has not come yet.
    covered: VecDeque<Range<u64>>,
}

impl Outlet {
    /// Sends to the writing thread, and takes buffers back from it.
    pub(super) fn new(send: SyncSender<Event>, spare: Receiver<Vec<u8>>, next: Next) -> Self {
        let buffer = Vec::with_capacity(CHUNK);
        Self { send, spare, next, buffer, file: None, at: 0, passed: 0, covered: VecDeque::new() }
    }

    fn tell(&self, event: Event) -> io::Result<()> {
        self.send.send(event).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn push(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut spare = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        spare.clear();
        let full = std::mem::replace(&mut self.buffer, spare);
        self.tell(Event::Bytes(full))
    }

    fn begin(&mut self, file: Spliced) -> io::Result<()> {
        self.push()?;
        self.at = 0;
        self.covered.clear();
        self.tell(Event::File(file.size, file.raw))?;
        self.file = Some((file.size, file.blocks));
        Ok(())
    }

    /// Tells of blocks that have become known.
    fn learn(&mut self) -> io::Result<()> {
        let fresh = self.file.as_mut().map(|(_, blocks)| blocks.fresh()).unwrap_or_default();
        if fresh.is_empty() {
            return Ok(());
        }
        self.covered.extend(deflate::covered(&fresh));
        self.tell(Event::Blocks(fresh))
    }

    /// Sends some of `bytes`, or passes over them, and says how many.
    fn part(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((size, _)) = self.file else { return self.send(bytes) };
        let up_to = |end: u64| usize::try_from(end - self.at).unwrap_or(usize::MAX).min(bytes.len());
        let count = match self.covered.front() {
            Some(range) if range.start <= self.at => {
                let (count, end) = (up_to(range.end), range.end);
                self.pass(count as u64, end)?;
                count
            }
            range => {
                let count = up_to(range.map_or(size, |range| range.start));
                self.send(&bytes[..count])?
            }
        };
        self.at += count as u64;
        if self.at == size {
            self.end()?;
        }
        Ok(count)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.push()?;
        }
        Ok(bytes.len())
    }

    /// Passes over bytes for which there are blocks up to `end`; it is told in large steps.
    fn pass(&mut self, count: u64, end: u64) -> io::Result<()> {
        self.push()?;
        self.passed += count;
        let ended = self.at + count == end;
        if ended {
            self.covered.pop_front();
        }
        if ended || self.passed >= CHUNK as u64 {
            let passed = std::mem::take(&mut self.passed);
            self.tell(Event::Pass(passed))?;
        }
        Ok(())
    }

    /// The file has ended.
    fn end(&mut self) -> io::Result<()> {
        self.push()?;
        match self.file.take() {
            Some((_, blocks)) => self.tell(Event::Sum(blocks.sum()?)),
            None => Ok(()),
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let next = self.next.borrow_mut().take();
        if let Some(file) = next {
            self.begin(file)?;
        }
        self.learn()?;
        let mut left = bytes;
        while !left.is_empty() {
            let count = self.part(left)?;
            left = &left[count..];
        }
        Ok(bytes.len())
    }

    /// Ends the tar: an encoder does this once, with its last byte.
    fn flush(&mut self) -> io::Result<()> {
        self.push()?;
        self.tell(Event::End)
    }
}
