//! Reading on a thread of its own, so that receiving, hashing, inflating and looking go on at once.

use std::io;
use std::io::Read;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// How far a reader may be ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes that are handed over at once.
    pub(super) chunk: usize,
    /// How many of them may wait.
    pub(super) chunks: usize,
}

/// The room of readers of blobs and of large files.
pub(super) const ROOM: Room = Room { chunk: 256 << 10, chunks: 8 };

/// The near end of a reader that runs ahead. Dropped early, it lets the thread end at its next chunk.
pub(super) struct Ahead {
    filled: Receiver<io::Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    /// What has come and was not looked at.
    next: Option<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    at: usize,
}

impl Ahead {
    /// Runs `reader` on a thread. Whatever it records of its own is complete when the near end says that it ended.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn new(reader: Box<dyn Read + Send>, room: Room) -> io::Result<Self> {
        let (fill, filled) = mpsc::sync_channel(room.chunks);
        let (used, empty) = mpsc::channel();
        let work = move || run(reader, room.chunk, &fill, &empty);
        std::thread::Builder::new().name("read ahead".to_owned()).spawn(work)?;
        Ok(Self { filled, used, next: None, current: Vec::new(), at: 0 })
    }

    /// Waits for bytes, or their end, for so long at most. Whether there is something to read.
    pub(super) fn is_ready(&mut self, patience: Duration) -> bool {
        if self.at == self.current.len() && self.next.is_none() {
            match self.filled.recv_timeout(patience) {
                Ok(next) => self.next = Some(next),
                Err(RecvTimeoutError::Disconnected) => {}
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
        true
    }
}

/// The bytes of a reader that runs ahead on a thread of its own, by 2 MiB.
///
/// # Errors
/// There is no thread to be had.
pub fn ahead(reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(Ahead::new(reader, ROOM)?))
}

fn run(
    mut reader: Box<dyn Read + Send>,
    chunk: usize,
    fill: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut buffer = empty.try_recv().unwrap_or_default();
        buffer.resize(chunk, 0);
        let read = fill_up(reader.as_mut(), &mut buffer);
        let (count, failure) = match read {
            Ok(count) => (count, None),
            Err((count, error)) => (count, Some(error)),
        };
        buffer.truncate(count);
        let last = count < chunk;
        if count > 0 && fill.send(Ok(buffer)).is_err() {
            return;
        }
        if let Some(error) = failure {
            return drop(fill.send(Err(error)));
        }
        if last {
            return;
        }
    }
}

/// Fills the buffer as far as the reader goes; what came before a failure counts.
fn fill_up(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, (usize, io::Error)> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((filled, error)),
        }
    }
    Ok(filled)
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.at == self.current.len() {
            // The thread ends by dropping its end: that is the end of the bytes.
            let Some(next) = self.next.take().or_else(|| self.filled.recv().ok()) else {
                return Ok(0);
            };
            let before = std::mem::replace(&mut self.current, next?);
            self.at = 0;
            // A thread that has ended needs no more buffers.
            drop(self.used.send(before));
        }
        let count = buffer.len().min(self.current.len() - self.at);
        buffer[..count].copy_from_slice(&self.current[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Room = Room { chunk: 1000, chunks: 2 };

    #[test]
    fn what_is_read_ahead_is_what_is_read() {
        let bytes: Vec<u8> = (0..100_001_u32).map(|n| (n % 251) as u8).collect();
        for length in [0, 1, 999, 1000, 1001, 100_001] {
            let reader = Box::new(io::Cursor::new(bytes[..length].to_vec()));
            let mut out = Vec::new();
            Ahead::new(reader, SMALL).unwrap().read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes[..length]);
        }
    }

    #[test]
    fn a_failure_comes_after_what_was_read_before_it() {
        struct Cut(usize);
        impl Read for Cut {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.min(buffer.len());
                self.0 -= count;
                if count == 0 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(count) }
            }
        }
        let mut out = Vec::new();
        let error = Ahead::new(Box::new(Cut(1500)), SMALL).unwrap().read_to_end(&mut out).unwrap_err();
        assert_eq!((out.len(), error.kind()), (1500, io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn a_reader_that_nobody_reads_is_let_go() {
        let (held, gone) = mpsc::channel::<()>();
        struct Endless(#[expect(dead_code, reason = "dropped with the reader")] Sender<()>);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len())
            }
        }
        drop(Ahead::new(Box::new(Endless(held)), SMALL).unwrap());
        assert!(gone.recv().is_err());
    }
}
