//! Which bytes of a window are used: the blocks after it, decoded with places instead of bytes.

use super::flaw::Flaw;
use super::head;
use super::head::Kind;
use super::huffman::Codes;
use super::huffman::Token;
use super::peek::peek;
use super::ring::WINDOW;

/// Cells from here on are places in the window; those below are bytes that need no window.
const PLACE: u16 = 256;

/// Output in which each byte is known, or known to be a copy of a byte of the window.
pub(super) struct Trace {
    /// The window, and after it the output.
    cells: Vec<u16>,
    codes: Codes,
}

impl Trace {
    pub(super) fn new() -> Self {
        let cells = (0..WINDOW as u16).map(|place| PLACE + place).collect();
        Self { cells, codes: Codes::new() }
    }

    /// Whether as much is decoded as the window can reach into.
    pub(super) fn is_done(&self) -> bool {
        self.cells.len() >= 2 * WINDOW
    }

    /// Decodes the block that begins at bit `at` of `block`.
    pub(super) fn follow(&mut self, block: &[u8], mut at: usize) -> Result<(), Flaw> {
        match head::read(block, &mut at, &mut self.codes)?.kind {
            Kind::Stored(length) => {
                let bytes = block.get(at / 8..at / 8 + length).ok_or(Flaw::Cut)?;
                self.cells.extend(bytes.iter().map(|byte| u16::from(*byte)));
                return Ok(());
            }
            Kind::Fixed => head::fixed(&mut self.codes)?,
            Kind::Dynamic => {}
        }
        while !self.is_done() {
            let (token, taken) = self.codes.token(peek(block, at))?;
            at += taken;
            if at > block.len() * 8 {
                return Err(Flaw::Cut);
            }
            match token {
                Token::Literal(literal) => self.cells.push(u16::from(literal)),
                Token::Match { length, distance } => self.repeat(length, distance)?,
                Token::End => break,
            }
        }
        Ok(())
    }

    fn repeat(&mut self, length: usize, distance: usize) -> Result<(), Flaw> {
        let from = self.cells.len().checked_sub(distance).ok_or(Flaw::Cut)?;
        for at in from..from + length {
            self.cells.push(self.cells[at]);
        }
        Ok(())
    }

    /// The places of the window that the output refers to.
    pub(super) fn used(&self) -> Vec<bool> {
        let mut used = vec![false; WINDOW];
        for cell in self.cells.iter().skip(WINDOW).take(WINDOW).filter(|cell| **cell >= PLACE) {
            used[usize::from(cell - PLACE)] = true;
        }
        used
    }
}
