//! The output: what is decoded and not yet read, and the history before it.
//!
//! The cells are filled from front to back, lap by lap. Each lap begins with a copy of the last 32 KiB of the
//! one before, so that a match never crosses the seam; behind the newest byte the lap before is still there.

use super::flaw::Flaw;

/// How far back a match reaches at most (RFC 1951, 3.2.5).
pub(super) const WINDOW: usize = 32 << 10;

/// A power of two, so that a mask bounds an index.
pub(super) const RING: usize = 2 << 20;

/// The fast loop may write 32 bytes from any index.
pub(super) type Cells = [u8; RING + 32];

/// The longest match and what pieces write too many.
const MARGIN: usize = 512;

/// Most bytes that one step decodes, margin aside.
pub(super) const STEP: usize = 128 << 10;

/// The output of a stream and its history.
pub(super) struct Ring {
    pub(super) cells: Box<Cells>,
    /// Where the next byte goes.
    pub(super) at: usize,
    /// The first byte that a match may reach back to.
    pub(super) floor: usize,
    /// Up to where the bytes were handed out.
    read: usize,
    /// Offset in the output of cell 0 in this lap; a stream's first lap begins before its output.
    origin: i64,
    /// The same for the lap before, and where it ended.
    before: Option<(i64, usize)>,
}

impl Ring {
    /// A ring whose next byte has offset `out` in the output, with `window` before it; without one, no match
    /// may reach back.
    pub(super) fn at(out: u64, window: Option<&[u8; WINDOW]>) -> Self {
        // A box of its own from the start: the cells would not fit on every stack.
        let zeros = vec![0; RING + 32].into_boxed_slice();
        let mut cells: Box<Cells> =
            zeros.try_into().unwrap_or_else(|_| unreachable!("the length is the type's"));
        let floor = if window.is_some() { 0 } else { WINDOW };
        cells[..WINDOW].copy_from_slice(window.unwrap_or(&[0; WINDOW]));
        let origin = out as i64 - WINDOW as i64;
        Self { cells, at: WINDOW, floor, read: WINDOW, origin, before: None }
    }

    /// How many bytes the output has up to now.
    pub(super) fn total(&self) -> u64 {
        (self.origin + self.at as i64) as u64
    }

    /// How many of those were handed out.
    pub(super) fn served(&self) -> u64 {
        (self.origin + self.read as i64) as u64
    }

    /// No match may reach back from here: a member begins.
    pub(super) fn seal(&mut self) {
        self.floor = self.at;
    }

    /// Hands out what `buffer` takes.
    pub(super) fn serve(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.at - self.read);
        buffer[..count].copy_from_slice(&self.cells[self.read..self.read + count]);
        self.read += count;
        count
    }

    /// Makes room for a step; all must have been handed out. Says where the step must end.
    pub(super) fn limit(&mut self) -> usize {
        if self.at + STEP + MARGIN > RING {
            let begin = self.at - WINDOW;
            self.before = Some((self.origin, self.at));
            self.cells.copy_within(begin..self.at, 0);
            self.origin += begin as i64;
            self.floor = self.floor.saturating_sub(begin);
            self.at = WINDOW;
            self.read = WINDOW;
        }
        self.at + STEP
    }

    /// Adds bytes of a stored block; they must fit before the limit.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.cells[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Adds a literal.
    pub(super) fn push(&mut self, literal: u8) {
        self.cells[self.at] = literal;
        self.at += 1;
    }

    /// Adds a copy of earlier output.
    pub(super) fn repeat(&mut self, distance: usize, length: usize) -> Result<(), Flaw> {
        if distance > self.at - self.floor {
            return Err(Flaw::Broken("a match reaches back before the beginning"));
        }
        for _ in 0..length {
            self.cells[self.at] = self.cells[self.at - distance];
            self.at += 1;
        }
        Ok(())
    }

    /// The bytes before offset `out`, with zeros where the output had not begun;
    /// `None` where they are no longer, or not yet, here.
    pub(super) fn window(&self, out: u64) -> Option<Box<[u8; WINDOW]>> {
        let (end, mut from) = (i64::try_from(out).ok()?, out as i64 - WINDOW as i64);
        let mut window = Box::new([0; WINDOW]);
        while from < end {
            let done = WINDOW - (end - from) as usize;
            let piece = if from >= self.origin {
                let index = (from - self.origin) as usize;
                self.cells.get(index..self.at.min(index + WINDOW - done))?
            } else {
                let (origin, ended) = self.before?;
                let index = usize::try_from(from - origin).ok()?;
                if index < self.at + MARGIN {
                    return None;
                }
                self.cells.get(index..ended.min(index + WINDOW - done))?
            };
            if piece.is_empty() {
                return None;
            }
            window[done..done + piece.len()].copy_from_slice(piece);
            from += piece.len() as i64;
        }
        Some(window)
    }
}
