//! The inner loop: tokens from the input into the ring while both have room to spare.
//!
//! Every index is masked to the size of a fixed array, so nothing is checked at run time and nothing can be
//! read or written outside; that the masks never bite is the caller's margins' business.

use super::flaw::Flaw;
use super::huffman::Codes;
use super::huffman::DISTANCE_BITS;
use super::huffman::DISTANCE_SIZE;
use super::huffman::END;
use super::huffman::EXCEPTION;
use super::huffman::LITERAL;
use super::huffman::LITLEN_BITS;
use super::huffman::LITLEN_SIZE;
use super::huffman::SUBTABLE;
use super::huffman::value;
use super::input::Bytes;
use super::input::INPUT;
use super::peek::low;
use super::ring::Cells;
use super::ring::RING;

/// Input bytes that must be left for a round: three refills of 7 bytes, the last of which looks 8 further.
pub(super) const MARGIN_IN: usize = 32;

/// The bit buffer: `count` bits are good, and those above are already what the next refill will put there.
struct Bits<'a> {
    bytes: &'a Bytes,
    /// The byte that a refill reads from.
    next: usize,
    buffer: u64,
    count: u8,
}

impl Bits<'_> {
    /// At least 56 bits are good afterwards.
    #[inline(always)]
    fn refill(&mut self) {
        self.buffer |= u64::from_le_bytes(chunk(self.bytes, self.next & (INPUT - 1))) << (self.count & 63);
        self.next += usize::from((63 - self.count) >> 3);
        self.count |= 56;
    }

    #[inline(always)]
    fn drop(&mut self, entry: u32) {
        self.buffer >>= entry & 63;
        self.count = self.count.wrapping_sub(entry as u8);
    }
}

/// Where the loop works.
pub(super) struct Place<'a> {
    pub(super) input: &'a Bytes,
    /// Bit of the input where a token begins.
    pub(super) bit: usize,
    /// Bytes of the input that are good.
    pub(super) length: usize,
    pub(super) cells: &'a mut Cells,
    /// Where the next byte goes.
    pub(super) at: usize,
    /// The first byte that a match may reach back to.
    pub(super) floor: usize,
    /// No token begins at or after this.
    pub(super) limit: usize,
}

/// Decodes until the block ends (`true`), or output or input come near their end (`false`).
/// [`Place::bit`] and [`Place::at`] stand behind the last token then.
pub(super) fn run(codes: &Codes, place: &mut Place<'_>) -> Result<bool, Flaw> {
    let mut bits = Bits { bytes: place.input, next: place.bit >> 3, buffer: 0, count: 0 };
    bits.refill();
    bits.drop((place.bit & 7) as u32);
    bits.refill();
    let mut at = place.at;
    let ended = tokens(codes, place, &mut bits, &mut at);
    place.bit = bits.next * 8 - usize::from(bits.count);
    place.at = at;
    ended
}

#[inline(always)]
fn tokens(
    codes: &Codes,
    place: &mut Place<'_>,
    bits: &mut Bits<'_>,
    position: &mut usize,
) -> Result<bool, Flaw> {
    let (litlen, distances) = (&*codes.litlen, &*codes.distance);
    let cells = &mut *place.cells;
    let (limit, floor) = (place.limit, place.floor);
    let stop = place.length.saturating_sub(MARGIN_IN);
    let mut at = *position;
    let mut entry = main_entry(litlen, bits);
    let ended = loop {
        if at >= limit || bits.next >= stop {
            break Ok(false);
        }
        if entry & LITERAL != 0 {
            entry = literal(litlen, bits, cells, &mut at, entry);
            if entry & LITERAL != 0 {
                entry = literal(litlen, bits, cells, &mut at, entry);
                if entry & LITERAL != 0 {
                    literal(litlen, bits, cells, &mut at, entry);
                    bits.refill();
                    entry = main_entry(litlen, bits);
                    continue;
                }
            }
        }
        if entry & EXCEPTION != 0 {
            if entry & SUBTABLE != 0 {
                bits.drop(entry);
                entry = litlen[sub_index(entry, bits.buffer) & (LITLEN_SIZE - 1)];
            }
            if entry & LITERAL != 0 {
                literal(litlen, bits, cells, &mut at, entry);
                bits.refill();
                entry = main_entry(litlen, bits);
                continue;
            }
            if entry & END != 0 {
                bits.drop(entry);
                break Ok(true);
            }
            if entry & EXCEPTION != 0 {
                break Err(Flaw::Broken("a code that stands for no literal and no length"));
            }
        }
        let length = value(entry, bits.buffer);
        bits.drop(entry);
        bits.refill();
        let distance = match far(distances, bits) {
            Ok(distance) => distance,
            Err(flaw) => break Err(flaw),
        };
        bits.refill();
        entry = main_entry(litlen, bits);
        if distance > at - floor {
            break Err(Flaw::Broken("a match reaches back before the beginning"));
        }
        copy(cells, at, distance, length);
        at += length;
    };
    *position = at;
    ended
}

/// The distance that comes next.
#[inline(always)]
fn far(distances: &[u32; DISTANCE_SIZE], bits: &mut Bits<'_>) -> Result<usize, Flaw> {
    let mut entry = distances[(bits.buffer & low(DISTANCE_BITS)) as usize];
    if entry & EXCEPTION != 0 {
        if entry & SUBTABLE != 0 {
            bits.drop(entry);
            entry = distances[sub_index(entry, bits.buffer) & (DISTANCE_SIZE - 1)];
        }
        if entry & EXCEPTION != 0 {
            return Err(Flaw::Broken("a code that stands for no distance"));
        }
    }
    let distance = value(entry, bits.buffer);
    bits.drop(entry);
    Ok(distance)
}

#[inline(always)]
fn main_entry(litlen: &[u32; LITLEN_SIZE], bits: &Bits<'_>) -> u32 {
    litlen[(bits.buffer & low(LITLEN_BITS)) as usize]
}

#[inline(always)]
fn sub_index(entry: u32, bits: u64) -> usize {
    (entry >> 16) as usize + (bits & low((entry >> 8) & 15)) as usize
}

/// Writes a literal and looks the next entry up.
#[inline(always)]
fn literal(
    litlen: &[u32; LITLEN_SIZE],
    bits: &mut Bits<'_>,
    cells: &mut Cells,
    at: &mut usize,
    entry: u32,
) -> u32 {
    bits.drop(entry);
    cells[*at & (RING - 1)] = (entry >> 16) as u8;
    *at += 1;
    main_entry(litlen, bits)
}

/// Copies a match in pieces, which may write up to 31 bytes too many.
#[inline(always)]
pub(super) fn copy(cells: &mut Cells, at: usize, distance: usize, length: usize) {
    let from = at - distance;
    if distance >= 16 {
        piece::<16>(cells, from, at);
        piece::<16>(cells, from + 16, at + 16);
        let mut done = 32;
        while done < length {
            piece::<16>(cells, from + done, at + done);
            done += 16;
        }
    } else if distance == 1 {
        let run = [cells[from & (RING - 1)]; 32];
        let mut done = 0;
        while done < length {
            put(cells, (at + done) & (RING - 1), run);
            done += 32;
        }
    } else {
        // Of each piece the first `distance` bytes are right, and the next one begins behind them.
        let step = distance.min(8);
        let mut done = 0;
        while done < length {
            piece::<8>(cells, from + done, at + done);
            done += step;
        }
    }
}

#[inline(always)]
fn piece<const N: usize>(cells: &mut Cells, from: usize, to: usize) {
    let bytes = chunk::<N>(cells, from & (RING - 1));
    put(cells, to & (RING - 1), bytes);
}

/// The `N` bytes at `at`, as a value: what copies a slice is not always made a move of a register. All of them are there,
/// which the compiler sees.
#[inline(always)]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().unwrap_or([0; N])
}

#[inline(always)]
fn put<const N: usize>(cells: &mut Cells, at: usize, bytes: [u8; N]) {
    if let Some(place) = cells[at..].first_chunk_mut() {
        *place = bytes;
    }
}
