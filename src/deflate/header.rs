//! The header of a gzip member (RFC 1952, 2.3), byte by byte, so that no length it names is ever allocated.

use super::crc::Crc;

use super::flaw::Flaw;

const HEADER_CHECK: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Longest name or comment that is accepted, which the RFC does not bound.
const LONGEST_TEXT: usize = 65_535;

/// A header of which some bytes have been read.
#[derive(Debug)]
pub(super) struct Header {
    part: Part,
    flags: u8,
    crc: Crc,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    /// The first ten bytes: how many of them are read.
    Fixed(usize),
    /// The length of the extra field: its bytes read, and their value.
    ExtraLength(usize, usize),
    /// Bytes of the extra field to come.
    Extra(usize),
    /// Length of the text up to now.
    Name(usize),
    Comment(usize),
    /// The header's own check: its bytes read, and their value.
    Check(usize, u16),
    Done,
}

impl Header {
    pub(super) fn new() -> Self {
        Self { part: Part::Fixed(0), flags: 0, crc: Crc::new() }
    }

    /// Whether none of its bytes is read yet.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.part, Part::Fixed(0))
    }

    /// Takes the header's bytes from `bytes`. `Ok(Some(n))`: it ended after `n` of them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<usize>, Flaw> {
        for (index, byte) in bytes.iter().enumerate() {
            let sum = self.crc.sum() as u16;
            self.crc.update(&[*byte]);
            self.part = self.after(*byte, sum)?;
            if matches!(self.part, Part::Done) {
                return Ok(Some(index + 1));
            }
        }
        Ok(None)
    }

    /// What comes after `byte`; `sum` is the check of all bytes before it.
    fn after(&mut self, byte: u8, sum: u16) -> Result<Part, Flaw> {
        Ok(match self.part {
            Part::Fixed(at) => {
                let good = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => byte & RESERVED == 0,
                    _ => true,
                };
                if !good {
                    return Err(Flaw::Broken("this is no gzip header"));
                }
                if at == 3 {
                    self.flags = byte;
                }
                if at < 9 { Part::Fixed(at + 1) } else { self.next(EXTRA) }
            }
            Part::ExtraLength(0, _) => Part::ExtraLength(1, usize::from(byte)),
            Part::ExtraLength(_, low) => match low | usize::from(byte) << 8 {
                0 => self.next(NAME),
                length => Part::Extra(length),
            },
            Part::Extra(1) => self.next(NAME),
            Part::Extra(left) => Part::Extra(left - 1),
            Part::Name(_) if byte == 0 => self.next(COMMENT),
            Part::Comment(_) if byte == 0 => self.next(HEADER_CHECK),
            Part::Name(LONGEST_TEXT) | Part::Comment(LONGEST_TEXT) => {
                return Err(Flaw::Broken("a text in the gzip header is too long"));
            }
            Part::Name(length) => Part::Name(length + 1),
            Part::Comment(length) => Part::Comment(length + 1),
            Part::Check(0, _) => Part::Check(1, sum ^ u16::from(byte)),
            Part::Check(_, rest) if rest == u16::from(byte) << 8 => Part::Done,
            Part::Check(..) => return Err(Flaw::Broken("the gzip header's check does not match")),
            Part::Done => Part::Done,
        })
    }

    /// The next part that the flags announce, `flag`'s or one after it.
    fn next(&self, flag: u8) -> Part {
        let has = |part: u8| self.flags & part != 0;
        match flag {
            EXTRA if has(EXTRA) => Part::ExtraLength(0, 0),
            EXTRA | NAME if has(NAME) => Part::Name(0),
            EXTRA | NAME | COMMENT if has(COMMENT) => Part::Comment(0),
            _ if has(HEADER_CHECK) => Part::Check(0, 0),
            _ => Part::Done,
        }
    }
}
