//! Where the frames of a Zstandard blob end, by their own headers (RFC 8878, 3.1): nothing is decompressed.

use std::io;

/// RFC 8878, 3.1.1.
const MAGIC: u32 = 0xfd2f_b528;
/// RFC 8878, 3.1.2; the last four bits are free.
const SKIPPABLE: u32 = 0x184d_2a50;

/// What is read next, once the bytes to skip have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The magic number of a frame.
    Magic,
    /// The length of a skippable frame.
    Length,
    /// The first byte of a frame's header, which says how long the rest is.
    Descriptor,
    /// The header of a block.
    Block,
    /// Nothing: the frame is over.
    End,
}

/// A walk over a blob that comes in pieces.
#[derive(Debug)]
pub(super) struct Walk {
    next: Next,
    skip: u64,
    head: [u8; 4],
    have: usize,
    checksum: bool,
}

impl Walk {
    /// Stands at the beginning of a frame.
    pub(super) const fn new() -> Self {
        Self { next: Next::Magic, skip: 0, head: [0; 4], have: 0, checksum: false }
    }

    /// Whether no frame has begun that is not over.
    pub(super) fn is_between(&self) -> bool {
        self.next == Next::Magic && self.have == 0
    }

    /// Passes over bytes: how many of them belong to the frame under way, and whether it ends with them.
    ///
    /// # Errors
    /// `InvalidData` where no frame begins, or a block is of the reserved type.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let mut at = 0;
        loop {
            let body = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len() - at);
            at += body;
            self.skip -= body as u64;
            if self.skip > 0 {
                return Ok((at, false));
            }
            let length = match self.next {
                Next::Magic | Next::Length => 4,
                Next::Descriptor => 1,
                Next::Block => 3,
                Next::End => {
                    self.next = Next::Magic;
                    return Ok((at, true));
                }
            };
            let more = (length - self.have).min(bytes.len() - at);
            self.head[self.have..self.have + more].copy_from_slice(&bytes[at..at + more]);
            at += more;
            self.have += more;
            if self.have < length {
                return Ok((at, false));
            }
            let head = u32::from_le_bytes(std::mem::take(&mut self.head));
            self.have = 0;
            self.turn(head)?;
        }
    }

    fn turn(&mut self, head: u32) -> io::Result<()> {
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        match self.next {
            Next::Magic if head == MAGIC => self.next = Next::Descriptor,
            Next::Magic if head & !0xf == SKIPPABLE => self.next = Next::Length,
            Next::Magic => return wrong("other data stands where a Zstandard frame should begin"),
            Next::Length => (self.skip, self.next) = (u64::from(head), Next::End),
            Next::Descriptor => {
                self.checksum = head & 4 != 0;
                (self.skip, self.next) = (rest_of_header(head), Next::Block);
            }
            Next::Block => {
                let size = u64::from(head >> 3);
                self.skip = match (head >> 1) & 3 {
                    0 | 2 => size,
                    1 => 1,
                    _ => return wrong("a block of a Zstandard frame is of the reserved type"),
                };
                if head & 1 != 0 {
                    self.skip += if self.checksum { 4 } else { 0 };
                    self.next = Next::End;
                }
            }
            Next::End => {}
        }
        Ok(())
    }
}

/// Bytes of a frame's header after its descriptor: window, dictionary, content size (RFC 8878, 3.1.1.1).
const fn rest_of_header(descriptor: u32) -> u64 {
    let single = descriptor & 0x20 != 0;
    let window = if single { 0 } else { 1 };
    let dictionary = [0, 1, 2, 4][(descriptor & 3) as usize];
    let content = match descriptor >> 6 {
        0 if single => 1,
        0 => 0,
        flag => 1 << flag,
    };
    window + dictionary + content
}
