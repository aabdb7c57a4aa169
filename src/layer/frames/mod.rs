//! Zstandard blobs whose frames can be told apart (RFC 8878): each is a place where reading can begin.
//!
//! Frames end where their headers say, and the decoder has to agree. Blobs of many frames are what `pzstd`,
//! zstd:chunked and seekable formats write; most others are one frame.

#[cfg(test)]
mod properties;
mod walk;

use std::io;
use std::io::BufRead;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Serialize;
use zstd::stream::raw::Decoder;
use zstd::stream::raw::Operation;

use walk::Walk;

/// Bytes, on either side, from one place that is noted to the next: small frames come in hundreds of thousands.
const APART: u64 = 256 << 10;

/// Where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Offset of its first byte in the blob.
    pub start: u64,
    /// Offset in the output of the first byte that comes of it.
    pub out: u64,
}

/// The frames that a reader has come by.
#[derive(Debug, Clone)]
pub struct Noted(Arc<Mutex<Vec<Frame>>>);

impl Noted {
    /// Where frames begin, in the order of the blob: the first, and each that is 256 KiB or more after the one
    /// before, compressed or not. The last may be the end of the blob.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, frame: Frame) {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let far = |last: &Frame| frame.start - last.start >= APART || frame.out - last.out >= APART;
        if frames.last().is_none_or(far) {
            frames.push(frame);
        }
    }
}

/// The uncompressed bytes of a Zstandard blob, all frames one after another.
///
/// Checksums are verified where frames have them. Reading fails with `UnexpectedEof` where the input is cut short, and
/// with `InvalidData` where it breaks the format or something else follows the last frame.
pub struct Frames<R> {
    input: R,
    walk: Walk,
    decoder: Decoder<'static>,
    /// Bytes that stand in the input and belong to the frame under way.
    granted: usize,
    /// Whether the frame ends with them.
    ends: bool,
    at: Frame,
    noted: Noted,
}

impl<R: BufRead> Frames<R> {
    /// Reads from the beginning of a frame on.
    ///
    /// # Errors
    /// The decompressor cannot be set up.
    pub fn new(input: R) -> io::Result<Self> {
        let at = Frame { start: 0, out: 0 };
        let noted = Noted(Arc::new(Mutex::new(vec![at])));
        Ok(Self { input, walk: Walk::new(), decoder: Decoder::new()?, granted: 0, ends: false, at, noted })
    }

    /// The frames that were come by, counted from where reading began.
    pub fn noted(&self) -> Noted {
        self.noted.clone()
    }

    /// One step of the decoder: whether the blob is at its end, and how many bytes have come out.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<(bool, usize)> {
        let bytes = if self.ends && self.granted == 0 { &[] } else { self.input.fill_buf()? };
        if self.granted == 0 && !self.ends {
            if bytes.is_empty() {
                let whole = self.walk.is_between();
                return if whole { Ok((true, 0)) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            (self.granted, self.ends) = self.walk.pass(bytes)?;
        }
        let status = self.decoder.run_on_buffers(&bytes[..self.granted], buffer)?;
        self.input.consume(status.bytes_read);
        self.granted -= status.bytes_read;
        self.at.start += status.bytes_read as u64;
        self.at.out += status.bytes_written as u64;
        let over = status.remaining == 0;
        let stuck = status.bytes_read + status.bytes_written == 0 && !over;
        let early = over && !(self.ends && self.granted == 0);
        if stuck || early {
            let text = "a Zstandard frame does not end where its headers say";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if over {
            self.ends = false;
            self.decoder.reinit()?;
            self.noted.note(self.at);
        }
        Ok((false, status.bytes_written))
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let (ended, count) = self.step(buffer)?;
            if ended || count > 0 {
                return Ok(count);
            }
        }
    }
}
