//! Looking at bits where they lie: deflate counts them from the low end of each byte (RFC 1951, 3.1.1).

/// The bits from bit `at` of `data` on: 57 of them at least, zeros where the data has ended.
#[inline]
pub(super) fn peek(data: &[u8], at: usize) -> u64 {
    let rest = data.get(at >> 3..).unwrap_or_default();
    let word = match rest.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    word >> (at & 7)
}

/// The lowest `count` bits set; `count` is at most 63.
#[inline]
pub(super) const fn low(count: u32) -> u64 {
    !(u64::MAX << (count & 63))
}
