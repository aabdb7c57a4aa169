//! The head of a block (RFC 1951, 3.2.3 to 3.2.7): its kind, and the codes that a dynamic one describes.

use super::flaw::Flaw;
use super::huffman::Codes;
use super::huffman::build;
use super::peek::low;
use super::peek::peek;

/// Bytes that hold any head: 17 bits, 19 lengths of 3 bits, 316 words of 7 bits with 7 extra bits.
pub(super) const LONGEST_HEAD: usize = (17 + 19 * 3 + 316 * 14) / 8 + 2;

/// In which order the lengths of the code of code lengths stand.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Symbols of the code of code lengths as table entries.
const LENGTHS: [u32; 19] = {
    let mut all = [0; 19];
    let mut at = 0;
    while at < all.len() {
        all[at] = (at as u32) << 16;
        at += 1;
    }
    all
};

const LENGTH_BITS: u32 = 7;

/// What stands at the head of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Whether it is the last block of its member.
    pub(super) last: bool,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// This many bytes follow as they are.
    Stored(usize),
    /// The code that the RFC fixes.
    Fixed,
    /// A code of its own.
    Dynamic,
}

/// Reads the head at bit `at` of `data` and moves `at` behind it. A dynamic block's codes go to `codes`.
///
/// # Errors
/// [`Flaw::Cut`] also where the data, had it gone on, might have been broken.
pub(super) fn read(data: &[u8], at: &mut usize, codes: &mut Codes) -> Result<Head, Flaw> {
    let head = parse(data, at, codes);
    if *at > data.len() * 8 { Err(Flaw::Cut) } else { head }
}

fn parse(data: &[u8], at: &mut usize, codes: &mut Codes) -> Result<Head, Flaw> {
    let first = take(data, at, 3);
    let kind = match first >> 1 {
        0 => Kind::Stored(stored(data, at)?),
        1 => Kind::Fixed,
        2 => {
            dynamic(data, at, codes)?;
            Kind::Dynamic
        }
        _ => return Err(Flaw::Broken("a block of a kind that does not exist")),
    };
    Ok(Head { last: first & 1 == 1, kind })
}

fn take(data: &[u8], at: &mut usize, count: u32) -> usize {
    let bits = peek(data, *at) & low(count);
    *at += count as usize;
    bits as usize
}

/// Length of a stored block; its bytes begin at `at` then.
fn stored(data: &[u8], at: &mut usize) -> Result<usize, Flaw> {
    *at = at.next_multiple_of(8);
    let (length, check) = (take(data, at, 16), take(data, at, 16));
    if length ^ check == 0xffff {
        Ok(length)
    } else {
        Err(Flaw::Broken("a stored block's length is damaged"))
    }
}

/// The code that every fixed block uses.
pub(super) fn fixed(codes: &mut Codes) -> Result<(), Flaw> {
    let mut litlen = [8; 288];
    litlen[144..256].fill(9);
    litlen[256..280].fill(7);
    codes.set(&litlen, &[5; 32])
}

fn dynamic(data: &[u8], at: &mut usize, codes: &mut Codes) -> Result<(), Flaw> {
    let literals = 257 + take(data, at, 5);
    let distances = 1 + take(data, at, 5);
    let words = 4 + take(data, at, 4);
    if literals > 286 || distances > 30 {
        return Err(Flaw::Broken("a block's code has more symbols than there are"));
    }
    let mut short = [0; 19];
    for symbol in &ORDER[..words] {
        short[*symbol] = take(data, at, 3) as u8;
    }
    if short.iter().filter(|length| **length > 0).count() < 2 {
        return Err(Flaw::Broken("a code that leaves words unused"));
    }
    let mut table = [0; 1 << LENGTH_BITS];
    build(&short, &LENGTHS, LENGTH_BITS, &mut table)?;
    let mut lengths = [0; 316];
    let lengths = &mut lengths[..literals + distances];
    expand(data, at, &table, lengths)?;
    codes.set(&lengths[..literals], &lengths[literals..])
}

/// Reads `lengths`, in which runs are abbreviated; a run may go on from literals into distances.
fn expand(
    data: &[u8],
    at: &mut usize,
    table: &[u32; 1 << LENGTH_BITS],
    lengths: &mut [u8],
) -> Result<(), Flaw> {
    let mut done = 0;
    while done < lengths.len() {
        let entry = table[(peek(data, *at) & low(LENGTH_BITS)) as usize];
        *at += (entry & 0xff) as usize;
        let (value, count) = match entry >> 16 {
            16 if done == 0 => return Err(Flaw::Broken("a code's lengths begin with a repetition")),
            16 => (lengths[done - 1], 3 + take(data, at, 2)),
            17 => (0, 3 + take(data, at, 3)),
            18 => (0, 11 + take(data, at, 7)),
            length => (length as u8, 1),
        };
        let Some(run) = lengths.get_mut(done..done + count) else {
            return Err(Flaw::Broken("a run of code lengths goes past their end"));
        };
        run.fill(value);
        done += count;
    }
    Ok(())
}
