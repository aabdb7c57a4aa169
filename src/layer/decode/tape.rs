//! The stream under a tar: blocks, padding, and the position in it.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use super::error::Error;

/// Length of a tar block.
pub(super) const BLOCK: usize = 512;

/// A reader that knows how far it has come.
pub(super) struct Tape<'a> {
    input: BufReader<&'a mut dyn Read>,
    position: u64,
}

impl<'a> Tape<'a> {
    /// A stream whose first byte is at `position` of the tar.
    pub(super) fn at(position: u64, input: &'a mut dyn Read) -> Self {
        Self { input: BufReader::with_capacity(128 << 10, input), position }
    }

    /// Offset of the next byte.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Read { at: self.position, source }
    }

    /// The next block; `None` when the stream ends right before it.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(self.truncated("a header")),
                Ok(count) => {
                    filled += count;
                    self.position += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(Some(block))
    }

    /// The content of an extended header, with its padding.
    pub(super) fn extended(&mut self, size: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let result = Read::take(&mut self.input, size).read_to_end(&mut bytes);
        self.position += bytes.len() as u64;
        result.map_err(|error| self.failed(error))?;
        if (bytes.len() as u64) < size {
            return Err(self.truncated("an extended header"));
        }
        self.skip_padding(size)?;
        Ok(bytes)
    }

    /// Skips the rest of the last block of a content of `size` bytes.
    ///
    /// The stream may end in it: umoci 0.4.7, which Debian 12 has, neither pads the last file nor
    /// writes a trailer, and Docker takes such layers.
    pub(super) fn skip_padding(&mut self, size: u64) -> Result<(), Error> {
        self.skip(size.next_multiple_of(BLOCK as u64) - size).map(|_| ())
    }

    /// Skips up to `count` bytes; gives how many there were.
    pub(super) fn skip(&mut self, count: u64) -> Result<u64, Error> {
        let mut skipped = 0;
        while skipped < count {
            let available = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(bytes) => bytes.len(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(error)),
            };
            let step = available.min(usize::try_from(count - skipped).unwrap_or(usize::MAX));
            self.input.consume(step);
            self.position += step as u64;
            skipped += step as u64;
        }
        Ok(skipped)
    }

    pub(super) fn truncated(&self, within: &str) -> Error {
        Error::Truncated { at: self.position, within: within.to_owned() }
    }
}

/// The content of one file. It never ends early without an error.
pub(super) struct Body<'a, 'b> {
    pub(super) tape: &'a mut Tape<'b>,
    pub(super) left: u64,
    /// The stream ended before the content did.
    pub(super) cut: bool,
    /// The stream failed: an error that comes out of the visitor is not the visitor's.
    pub(super) failed: bool,
}

impl Read for Body<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let count = match self.tape.input.read(&mut buffer[..most]) {
            Ok(count) => count,
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                return Err(error);
            }
        };
        if count == 0 {
            self.cut = true;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        self.tape.position += count as u64;
        Ok(count)
    }
}
