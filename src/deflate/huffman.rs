//! Prefix codes as tables (RFC 1951, 3.2.2): one look-up gives a symbol, the length of its code and of its extra bits.
//!
//! An entry, from its low end: 8 bits are how many bits of input it takes, extra bits included; 4 bits the
//! length of the code alone; flags; then the literal, the base of a length or distance, or where a subtable
//! begins. Codes longer than the main table's index are found through a subtable. Knows no input and no output.

use super::flaw::Flaw;
use super::peek::low;

/// The entry is a literal.
pub(super) const LITERAL: u32 = 1 << 31;
/// The entry is no length and no distance (and no literal): a subtable, the end of the block, or no code.
pub(super) const EXCEPTION: u32 = 1 << 15;
/// The entry leads to a subtable: its bits 8 to 11 are the width of the subtable's index.
pub(super) const SUBTABLE: u32 = 1 << 14;
/// The entry is the end of the block.
pub(super) const END: u32 = 1 << 13;

/// Width of the main index of literals and lengths.
pub(super) const LITLEN_BITS: u32 = 11;
/// Width of the main index of distances.
pub(super) const DISTANCE_BITS: u32 = 8;
/// Longest code that RFC 1951 knows.
const LONGEST: usize = 15;

/// Powers of two above what a complete code of the RFC can need (2342 and 402), so that a mask bounds an index.
pub(super) const LITLEN_SIZE: usize = 4096;
pub(super) const DISTANCE_SIZE: usize = 512;

/// The entry of a literal or length, and of a distance, before its code's length is added.
const LITLEN: [u32; 288] = litlen();
const DISTANCE: [u32; 32] = distance();

const fn litlen() -> [u32; 288] {
    let mut all = [EXCEPTION; 288];
    let mut at = 0;
    while at < 286 {
        let index = at as u32;
        all[at] = match index {
            0..256 => LITERAL | index << 16,
            256 => EXCEPTION | END,
            257..265 => (index - 254) << 16,
            285 => 258 << 16,
            _ => {
                let extra = (index - 261) / 4;
                (3 + ((4 + (index - 265) % 4) << extra)) << 16 | extra
            }
        };
        at += 1;
    }
    all
}

const fn distance() -> [u32; 32] {
    let mut all = [EXCEPTION; 32];
    let mut at = 0;
    while at < 30 {
        let index = at as u32;
        all[at] = if index < 4 {
            (1 + index) << 16
        } else {
            let extra = index / 2 - 1;
            (1 + ((2 + index % 2) << extra)) << 16 | extra
        };
        at += 1;
    }
    all
}

/// The two codes of a block.
pub(super) struct Codes {
    pub(super) litlen: Box<[u32; LITLEN_SIZE]>,
    pub(super) distance: Box<[u32; DISTANCE_SIZE]>,
}

/// What the next bits of a block say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Literal(u8),
    Match { length: usize, distance: usize },
    End,
}

/// Most bits that a token takes: two codes of 15 bits with 5 and 13 extra bits.
pub(super) const TOKEN_BITS: usize = 48;

impl Codes {
    pub(super) fn new() -> Self {
        Self { litlen: Box::new([EXCEPTION; LITLEN_SIZE]), distance: Box::new([EXCEPTION; DISTANCE_SIZE]) }
    }

    /// Makes the codes from the lengths of their code words.
    pub(super) fn set(&mut self, litlen: &[u8], distance: &[u8]) -> Result<(), Flaw> {
        if litlen.get(256) == Some(&0) {
            return Err(Flaw::Broken("a block's code has no end of block"));
        }
        build(litlen, &LITLEN, LITLEN_BITS, &mut self.litlen[..])?;
        build(distance, &DISTANCE, DISTANCE_BITS, &mut self.distance[..])
    }

    /// The token that `bits` begin with, and how many bits it takes. Slow and plain: the fast loop is elsewhere.
    #[inline]
    pub(super) fn token(&self, bits: u64) -> Result<(Token, usize), Flaw> {
        let (entry, before) = look_up(&self.litlen[..], LITLEN_BITS, bits);
        let taken = before + (entry & 0xff);
        if entry & LITERAL != 0 {
            return Ok((Token::Literal((entry >> 16) as u8), taken as usize));
        }
        if entry & END != 0 {
            return Ok((Token::End, taken as usize));
        }
        if entry & EXCEPTION != 0 {
            return Err(Flaw::Broken("a code that stands for no literal and no length"));
        }
        let length = value(entry, bits >> before);
        let bits = bits >> taken;
        let (entry, before) = look_up(&self.distance[..], DISTANCE_BITS, bits);
        if entry & EXCEPTION != 0 {
            return Err(Flaw::Broken("a code that stands for no distance"));
        }
        let distance = value(entry, bits >> before);
        Ok((Token::Match { length, distance }, (taken + before + (entry & 0xff)) as usize))
    }
}

/// Base and extra bits of a length or a distance together; `bits` begin with its code.
#[inline(always)]
pub(super) fn value(entry: u32, bits: u64) -> usize {
    (entry >> 16) as usize + ((bits & low(entry & 0xff)) >> ((entry >> 8) & 15)) as usize
}

/// The entry that `bits` lead to, and how many bits the main index took when it is in a subtable.
#[inline]
fn look_up(table: &[u32], index_bits: u32, bits: u64) -> (u32, u32) {
    let entry = table[(bits & low(index_bits)) as usize];
    if entry & SUBTABLE == 0 {
        return (entry, 0);
    }
    let index = (entry >> 16) as usize + ((bits >> index_bits) & low((entry >> 8) & 15)) as usize;
    (table[index], index_bits)
}

/// Fills `table` for the canonical code whose word lengths are `lengths`.
///
/// As zlib has it, a code must use up its space, but for two: no word at all, and one word of one bit.
pub(super) fn build(lengths: &[u8], symbols: &[u32], index_bits: u32, table: &mut [u32]) -> Result<(), Flaw> {
    let mut counts = [0_u32; LONGEST + 1];
    for length in lengths {
        counts[usize::from(length & 15)] += 1;
    }
    counts[0] = 0;
    let mut left = 1_i32;
    for count in &counts[1..] {
        left = 2 * left - *count as i32;
        if left < 0 {
            return Err(Flaw::Broken("a code with more words than there is room for"));
        }
    }
    let words: u32 = counts.iter().sum();
    if left > 0 {
        if words > 1 || counts[1] != words {
            return Err(Flaw::Broken("a code that leaves words unused"));
        }
        table[..1 << index_bits].fill(EXCEPTION | 1);
        if let Some(symbol) = lengths.iter().position(|length| *length == 1) {
            for entry in table[..1 << index_bits].iter_mut().step_by(2) {
                *entry = sized(symbols[symbol], 1);
            }
        }
        return Ok(());
    }
    let mut sorted = [0_u16; 320];
    sort(lengths, &counts, &mut sorted);
    fill(&sorted[..words as usize], lengths, counts, symbols, index_bits, table);
    Ok(())
}

/// The symbols that have a word, by its length and then by themselves.
fn sort(lengths: &[u8], counts: &[u32; LONGEST + 1], sorted: &mut [u16; 320]) {
    let mut next = [0_usize; LONGEST + 2];
    for (length, count) in counts.iter().enumerate() {
        next[length + 1] = next[length] + *count as usize;
    }
    for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length != 0) {
        let at = &mut next[usize::from(length & 15)];
        sorted[*at] = symbol as u16;
        *at += 1;
    }
}

/// The entry of a symbol whose word has `length` bits from where the table's index begins.
const fn sized(symbol: u32, length: u32) -> u32 {
    symbol + (length << 8 | length)
}

/// The word after `word`, both read from the low end as the input has them; `word` is not the last of its length.
const fn next_word(word: u32, length: u32) -> u32 {
    let top = 31 - (word ^ ((1 << length) - 1)).leading_zeros();
    (word & ((1 << top) - 1)) | 1 << top
}

/// Fills the table for a complete code: the main index grows with the words by doubling itself.
fn fill(
    sorted: &[u16],
    lengths: &[u8],
    mut left: [u32; LONGEST + 1],
    symbols: &[u32],
    index_bits: u32,
    table: &mut [u32],
) {
    let (mut word, mut grown) = (0_u32, 0_u32);
    let (mut prefix, mut start, mut end) = (u32::MAX, 0_usize, 1_usize << index_bits);
    for symbol in sorted.iter().map(|symbol| usize::from(*symbol)) {
        let length = u32::from(lengths[symbol]);
        while grown < length.min(index_bits) {
            table.copy_within(..1 << grown, 1 << grown);
            grown += 1;
        }
        if length <= index_bits {
            table[word as usize] = sized(symbols[symbol], length);
        } else {
            if word & ((1 << index_bits) - 1) != prefix {
                prefix = word & ((1 << index_bits) - 1);
                start = end;
                let width = subtable_width(&left, length, index_bits);
                end += 1 << width;
                table[prefix as usize] =
                    EXCEPTION | SUBTABLE | (start as u32) << 16 | width << 8 | index_bits;
            }
            let entry = sized(symbols[symbol], length - index_bits);
            let first = start + (word >> index_bits) as usize;
            for slot in table[first..end].iter_mut().step_by(1 << (length - index_bits)) {
                *slot = entry;
            }
        }
        left[length as usize] -= 1;
        if word + 1 == 1 << length {
            break;
        }
        word = next_word(word, length);
    }
    while grown < index_bits {
        table.copy_within(..1 << grown, 1 << grown);
        grown += 1;
    }
}

/// How many bits index a subtable whose first word has `length` bits, with `left` words of each length to come.
fn subtable_width(left: &[u32; LONGEST + 1], length: u32, index_bits: u32) -> u32 {
    let mut width = length - index_bits;
    let mut used = left[length as usize];
    while used < 1 << width && ((index_bits + width) as usize) < LONGEST {
        width += 1;
        used = 2 * used + left[(index_bits + width) as usize];
    }
    width
}
