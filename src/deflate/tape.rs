//! The compressed bytes of the latest blocks, for as long as somebody may still ask for them.
//!
//! Which blocks are kept depends on nothing but the block itself, so that everybody who decodes a blob keeps
//! the same ones, wherever he began and however he reads: what is spliced from them is part of a digest.

use std::collections::VecDeque;

use super::input::Input;

/// Blocks with less output are not kept: a table of them would grow faster than what they are worth.
const LEAST: u64 = 1 << 10;

/// Blocks with more compressed bytes are not kept. Encoders end a block after at most 300 KB or so.
pub(super) const MOST: usize = 512 << 10;

/// A block whose compressed bytes are at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taped {
    /// Offset of its output.
    pub(super) out: u64,
    /// Length of its output.
    pub(super) length: u32,
    /// Which bit of its first byte it begins with.
    pub(super) first: u8,
    /// Its length in bits.
    pub(super) bits: u32,
    pub(super) stored: bool,
    /// Where its bytes begin, counted from the first byte that was ever kept.
    at: u64,
}

impl Taped {
    /// How many bytes hold its bits.
    pub(super) fn bytes(&self) -> usize {
        (usize::from(self.first) + self.bits as usize).div_ceil(8)
    }
}

/// A block that has not ended.
struct Open {
    bit: u64,
    out: u64,
    stored: bool,
    /// Where its bytes begin in [`Tape::bytes`].
    at: usize,
    /// Up to which byte of the blob it is on the tape.
    saved: u64,
    /// It is too long already.
    spoiled: bool,
}

/// The kept blocks in their order, and their bytes.
#[derive(Default)]
pub(super) struct Tape {
    bytes: Vec<u8>,
    /// How many bytes were forgotten before the first of `bytes`.
    forgotten: u64,
    blocks: VecDeque<Taped>,
    /// The number of the first of `blocks`.
    number: u64,
    open: Option<Open>,
}

impl Tape {
    /// A block begins at bit `bit` of the blob and offset `out` of the output.
    pub(super) fn begin(&mut self, bit: u64, out: u64, stored: bool) {
        self.open = Some(Open { bit, out, stored, at: self.bytes.len(), saved: bit / 8, spoiled: false });
    }

    /// Keeps what is decoded of the open block before the input forgets it.
    pub(super) fn keep(&mut self, input: &Input) {
        self.save(input, input.position() / 8);
    }

    fn save(&mut self, input: &Input, to: u64) {
        let Some(open) = self.open.as_mut().filter(|open| !open.spoiled) else { return };
        self.bytes.extend_from_slice(input.slice(open.saved, to));
        open.saved = to;
        if self.bytes.len() - open.at > MOST {
            open.spoiled = true;
            self.bytes.truncate(open.at);
        }
    }

    /// The open block ends where the input stands, at offset `out` of the output.
    pub(super) fn end(&mut self, input: &Input, out: u64) {
        let end = input.position();
        self.save(input, end.div_ceil(8));
        let Some(open) = self.open.take() else { return };
        let (length, bits) = (out - open.out, end - open.bit);
        let (Ok(small), Ok(few)) = (u32::try_from(length), u32::try_from(bits)) else {
            self.bytes.truncate(open.at);
            return;
        };
        if open.spoiled || length < LEAST || bits > 9 * length {
            self.bytes.truncate(open.at);
            return;
        }
        let first = (open.bit % 8) as u8;
        // The mark of a member's last block is no business of whoever copies it.
        self.bytes[open.at] &= !(1 << first);
        let at = self.forgotten + open.at as u64;
        let stored = open.stored;
        self.blocks.push_back(Taped { out: open.out, length: small, first, bits: few, stored, at });
    }

    /// Forgets blocks whose output ends at or before `out`.
    pub(super) fn trim(&mut self, out: u64) {
        while self.blocks.front().is_some_and(|block| block.out + u64::from(block.length) <= out) {
            self.blocks.pop_front();
            self.number += 1;
        }
        let open = self.open.as_ref().map_or(self.bytes.len(), |open| open.at);
        let dead = self.blocks.front().map_or(open, |block| (block.at - self.forgotten) as usize);
        if dead > self.bytes.len() / 2 {
            self.bytes.drain(..dead);
            self.forgotten += dead as u64;
            if let Some(open) = &mut self.open {
                open.at -= dead;
            }
        }
    }

    /// Up to where blocks have ended: where the open one begins, else no matter how far.
    pub(super) fn ended(&self) -> u64 {
        self.open.as_ref().map_or(u64::MAX, |open| open.out)
    }

    /// The first block at or after number `number`, with its own number.
    pub(super) fn block(&self, number: u64) -> Option<(u64, &Taped)> {
        let number = number.max(self.number);
        Some((number, self.blocks.get((number - self.number) as usize)?))
    }

    /// The number of the block whose output begins at `out`.
    pub(super) fn find(&self, out: u64) -> Option<u64> {
        let index = self.blocks.binary_search_by_key(&out, |block| block.out).ok()?;
        Some(self.number + index as u64)
    }

    /// The bytes of a block.
    pub(super) fn bytes(&self, block: &Taped) -> &[u8] {
        let from = (block.at - self.forgotten) as usize;
        &self.bytes[from..from + block.bytes()]
    }
}
