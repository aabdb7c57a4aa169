//! CRC-32 as gzip has it (RFC 1952, 8).

/// A sum of bytes as they come.
#[derive(Debug, Clone, Default)]
pub struct Crc(crc32fast::Hasher);

impl Crc {
    /// The sum of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes in `length` bytes whose own sum is known.
    pub(super) fn combine(&mut self, sum: u32, length: u64) {
        self.0.combine(&crc32fast::Hasher::new_with_initial_len(sum, length));
    }

    /// The sum of all bytes taken in so far.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.0.clone().finalize()
    }
}
