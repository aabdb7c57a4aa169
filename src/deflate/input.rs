//! The compressed bytes at hand, and where in the blob they lie. Knows nothing of what they mean.

use std::io;
use std::io::Read;

/// A power of two, so that a mask bounds an index.
pub(super) const INPUT: usize = 64 << 10;

/// The fast loop may look at 8 bytes from any index.
pub(super) type Bytes = [u8; INPUT + 8];

/// A sliding piece of the blob.
pub(super) struct Input {
    pub(super) bytes: Box<Bytes>,
    /// How many of `bytes` are good.
    pub(super) length: usize,
    /// The bit of `bytes` that is decoded next.
    pub(super) bit: usize,
    /// The byte of the blob that `bytes` begins with.
    base: u64,
    /// Whether the blob ends with `bytes`.
    pub(super) ended: bool,
}

impl Input {
    /// An empty piece; decoding begins at bit `bit` of the blob, and what is read begins with that bit's byte.
    pub(super) fn at(bit: u64) -> Self {
        let bytes = Box::new([0; INPUT + 8]);
        Self { bytes, length: 0, bit: (bit % 8) as usize, base: bit / 8, ended: false }
    }

    /// The bytes that are good.
    pub(super) fn good(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Bytes not yet decoded, that of the next bit included.
    pub(super) fn available(&self) -> usize {
        self.length.saturating_sub(self.bit / 8)
    }

    /// The bit of the blob that is decoded next.
    pub(super) fn position(&self) -> u64 {
        self.base * 8 + self.bit as u64
    }

    /// The bytes of the blob from `from` up to, not including, `to`, which must be at hand.
    pub(super) fn slice(&self, from: u64, to: u64) -> &[u8] {
        let index = |at: u64| (at.saturating_sub(self.base) as usize).min(self.length);
        &self.bytes[index(from)..index(to).max(index(from))]
    }

    /// Forgets what is decoded and reads until there are `wanted` bytes or the blob ends.
    ///
    /// # Errors
    /// The reader's; nothing is lost then.
    pub(super) fn fill(&mut self, reader: &mut impl Read, wanted: usize) -> io::Result<()> {
        let done = self.bit / 8;
        self.bytes.copy_within(done..self.length, 0);
        self.length -= done;
        self.base += done as u64;
        self.bit %= 8;
        while self.length < wanted.min(INPUT) && !self.ended {
            match reader.read(&mut self.bytes[self.length..INPUT]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
