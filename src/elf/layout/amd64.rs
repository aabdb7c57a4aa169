//! x86-64: `mov $N,%esi` … `jmp operator delete`.

use std::io::Read;
use std::io::Seek;

use super::amd64_steps as steps;
use super::code::Code;
use super::code::Jump;
use crate::elf::Error;

/// How far before a call its size may be set.
const REACH: usize = 48;
/// Largest object that is believed.
const LARGEST: u32 = 1 << 26;
/// `mov %rdi,R`: where a function keeps the object it was called for, and `mov R,%rdi`, how it passes it on.
const KEEPERS: [([u8; 3], [u8; 3]); 6] = [
    ([0x48, 0x89, 0xfb], [0x48, 0x89, 0xdf]),
    ([0x48, 0x89, 0xfd], [0x48, 0x89, 0xef]),
    ([0x49, 0x89, 0xfc], [0x4c, 0x89, 0xe7]),
    ([0x49, 0x89, 0xfd], [0x4c, 0x89, 0xef]),
    ([0x49, 0x89, 0xfe], [0x4c, 0x89, 0xf7]),
    ([0x49, 0x89, 0xff], [0x4c, 0x89, 0xff]),
];

/// The size that a function at `address` gives to `operator delete` for its own object, and whether the code
/// has one reading only.
pub(super) fn size<R: Read + Seek>(
    body: &[u8],
    address: u64,
    code: &mut Code<'_, '_, R>,
) -> Result<Option<(u64, bool)>, Error> {
    let mut all = Vec::new();
    let mut own = Vec::new();
    for at in 0..body.len() {
        let Some(jump) = transfer(body, at, address) else {
            continue;
        };
        let Some(size) = constant(body, at) else {
            continue;
        };
        if code.frees(jump)? {
            all.push(size);
            own.extend(passes_itself(body, at).then_some(size));
        }
    }
    Ok(super::choose(&own, &all))
}

/// A call or a jump at `at`, to an address or through a slot.
fn transfer(body: &[u8], at: usize, address: u64) -> Option<Jump> {
    let far = |from: usize, length: u64| {
        let bytes = body.get(from..from + 4)?;
        let offset = i32::from_le_bytes(bytes.try_into().ok()?);
        address.checked_add(at as u64 + length)?.checked_add_signed(i64::from(offset))
    };
    match body.get(at..)? {
        [0xe8 | 0xe9, ..] => far(at + 1, 5).map(Jump::To),
        [0xff, 0x15 | 0x25, ..] => far(at + 2, 6).map(Jump::Through),
        _ => None,
    }
}

/// What a stub of the procedure linkage table, or a function that only jumps, jumps to.
pub(super) fn jump(bytes: &[u8], address: u64) -> Option<Jump> {
    let mut at = if bytes.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) { 4 } else { 0 };
    at += usize::from(bytes.get(at) == Some(&0xf2));
    matches!(bytes.get(at)?, 0xe9 | 0xff).then(|| transfer(bytes, at, address)).flatten()
}

/// The constant that is in `%esi` at the call at `at`: set shortly before, and not written since.
fn constant(body: &[u8], at: usize) -> Option<u32> {
    let first = at.saturating_sub(REACH);
    let mut starts = (first..at).rev().filter(|start| body[*start] == 0xbe);
    starts.find_map(|start| {
        let bytes = body.get(start + 1..start + 5)?;
        let value = u32::from_le_bytes(bytes.try_into().ok()?);
        let sane = value > 0 && value <= LARGEST;
        (sane && steps::keep_size(body.get(start + 5..at)?)).then_some(value)
    })
}

/// Whether what is freed at `at` is what the function was called for.
fn passes_itself(body: &[u8], at: usize) -> bool {
    let find = |pattern: &[u8; 3], from: usize, to: usize| {
        body.get(from..to)?.windows(3).rposition(|window| window == pattern).map(|place| from + place)
    };
    let from = at.saturating_sub(REACH);
    let passed = KEEPERS.iter().filter_map(|(keep, pass)| Some((find(pass, from, at)?, keep))).max();
    match passed {
        Some((place, keep)) => find(keep, 0, place).is_some(),
        // Nothing was done to the argument: no keeping, no call before.
        None => at <= REACH && !body.get(..at).is_some_and(|before| before.contains(&0xe8)),
    }
}
