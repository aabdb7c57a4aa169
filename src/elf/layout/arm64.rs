//! aarch64: `mov w1,#N` … `b operator delete`.

use std::io::Read;
use std::io::Seek;

use super::code::Code;
use super::code::Jump;
use crate::elf::Error;

/// How many instructions before a call its size may be set.
const REACH: usize = 16;

/// As `amd64::size`.
pub(super) fn size<R: Read + Seek>(
    body: &[u8],
    address: u64,
    code: &mut Code<'_, '_, R>,
) -> Result<Option<(u64, bool)>, Error> {
    let words: Vec<u32> = words(body).collect();
    let mut all = Vec::new();
    let mut own = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(jump) = address.checked_add(at as u64 * 4).and_then(|place| branch(*word, place)) else {
            continue;
        };
        let Some(size) = constant(&words[..at]) else {
            continue;
        };
        if code.frees(jump)? {
            all.push(size);
            own.extend(passes_itself(&words[..at]).then_some(size));
        }
    }
    Ok(super::choose(&own, &all))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|word| Some(u32::from_le_bytes(word.try_into().ok()?)))
}

/// `b` or `bl`.
fn branch(word: u32, place: u64) -> Option<Jump> {
    if word & 0x7c00_0000 != 0x1400_0000 {
        return None;
    }
    let offset = i64::from((word << 6).cast_signed() >> 6) * 4;
    place.checked_add_signed(offset).map(Jump::To)
}

/// What a stub of the procedure linkage table, or a function that only jumps, jumps to: `adrp x16; ldr
/// x17,[x16,#N]; …; br x17`.
pub(super) fn jump(bytes: &[u8], address: u64) -> Option<Jump> {
    const BTI_C: u32 = 0xd503_245f;
    let words: Vec<u32> = words(bytes).collect();
    let skip = usize::from(words.first() == Some(&BTI_C));
    let place = address.checked_add(skip as u64 * 4)?;
    let [first, rest @ ..] = words.get(skip..)? else {
        return None;
    };
    if word_is_branch_only(*first) {
        return branch(*first, place);
    }
    let load = *rest.first()?;
    if first & 0x9f00_001f != 0x9000_0010 || load & 0xffc0_03ff != 0xf940_0211 {
        return None;
    }
    let pages = (i64::from((first >> 5 & 0x7_ffff) << 2 | first >> 29 & 3) << 43) >> 43;
    let page = (place & !0xfff).checked_add_signed(pages << 12)?;
    page.checked_add(u64::from(load >> 10 & 0xfff) * 8).map(Jump::Through)
}

const fn word_is_branch_only(word: u32) -> bool {
    word & 0xfc00_0000 == 0x1400_0000
}

/// The constant in `x1` behind these instructions: `movz`, perhaps with a `movk` behind it.
fn constant(before: &[u32]) -> Option<u64> {
    let mut high = None;
    for word in before.iter().rev().take(REACH) {
        match word & 0x7fe0_001f {
            0x5280_0001 => {
                let low = u64::from(word >> 5 & 0xffff);
                let value = high.unwrap_or(0) | low;
                return (value > 0 && value <= 1 << 26).then_some(value);
            }
            0x72a0_0001 => high = Some(u64::from(word >> 5 & 0xffff) << 16),
            _ if branch(*word, 1 << 40).is_some() || writes_x1(*word) => return None,
            _ => {}
        }
    }
    None
}

/// Moves, arithmetic, and loads into `x1`: what compilers put there.
const fn writes_x1(word: u32) -> bool {
    let data = word >> 25 & 0b111 == 0b101 || word >> 26 & 0b111 == 0b100;
    let load = word >> 25 & 0b101 == 0b100 && word & (1 << 22) != 0;
    word & 31 == 1 && (data || load)
}

/// Whether `x0` holds what the function was called for: kept in a register and taken from it, or never touched.
fn passes_itself(before: &[u32]) -> bool {
    let moved = before.iter().rposition(|word| word & 0xffe0_ffff == 0xaa00_03e0);
    let called = before.iter().rposition(|word| word & 0xfc00_0000 == 0x9400_0000);
    match moved.filter(|moved| called.is_none_or(|called| called < *moved)) {
        Some(moved) => {
            let from = before[moved] >> 16 & 31;
            before[..moved].contains(&(0xaa00_03e0 | from))
        }
        None => called.is_none(),
    }
}
