//! Writing bits: deflate fills each byte from its low end (RFC 1951, 3.1.1).

use std::io;
use std::io::Write;

use super::peek::low;
use super::peek::peek;

/// So much is gathered before it is written.
const BUFFER: usize = 64 << 10;

/// A writer to which bits are written.
pub(super) struct BitSink<W: Write> {
    out: W,
    buffer: Vec<u8>,
    /// Bits that do not fill a byte yet, and how many these are: at most 7.
    rest: u64,
    count: u32,
}

impl<W: Write> BitSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, buffer: Vec::with_capacity(BUFFER), rest: 0, count: 0 }
    }

    /// Adds the lowest `count` bits of `bits`, 32 at most.
    pub(super) fn bits(&mut self, bits: u64, count: u32) {
        self.rest |= (bits & low(count)) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.buffer.push(self.rest as u8);
            self.rest >>= 8;
            self.count -= 8;
        }
    }

    /// Whether the next bit begins a byte.
    pub(super) fn is_aligned(&self) -> bool {
        self.count == 0
    }

    /// Fills the byte up with zeros.
    pub(super) fn align(&mut self) {
        if self.count > 0 {
            self.bits(0, 8 - self.count);
        }
    }

    /// Adds whole bytes.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.count == 0 {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.shifted(bytes);
        }
        if self.buffer.len() < BUFFER {
            return Ok(());
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Adds `count` bits of `bytes`, from bit `first` of the first byte on.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn copy(&mut self, bytes: &[u8], first: usize, count: usize) -> io::Result<()> {
        let lead = count.min((8 - first % 8) % 8);
        self.bits(peek(bytes, first), lead as u32);
        let (from, whole) = ((first + lead) / 8, (count - lead) / 8);
        self.bytes(bytes.get(from..from + whole).ok_or(io::ErrorKind::UnexpectedEof)?)?;
        let tail = (count - lead) % 8;
        self.bits(peek(bytes, (from + whole) * 8), tail as u32);
        Ok(())
    }

    fn shifted(&mut self, bytes: &[u8]) {
        let (words, tail) = bytes.as_chunks::<8>();
        let start = self.buffer.len();
        self.buffer.resize(start + words.len() * 8, 0);
        let mut rest = self.rest;
        for (to, from) in self.buffer[start..].as_chunks_mut::<8>().0.iter_mut().zip(words) {
            let word = u64::from_le_bytes(*from);
            *to = (word << self.count | rest).to_le_bytes();
            rest = word >> (64 - self.count);
        }
        self.rest = rest;
        for byte in tail {
            self.bits(u64::from(*byte), 8);
        }
    }

    /// Writes what is left; the last byte must be full.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.out)
    }
}
