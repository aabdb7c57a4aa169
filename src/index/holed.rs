//! A temporary file without the bytes of an ELF file that nobody should ask for: there it has holes, which cost nothing.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::spool::copy;
use crate::elf::Sieve;
use crate::elf::Step;

/// Bytes that are looked at in one go.
const STEP: usize = 256 << 10;

/// A study has asked for what the sieve let go.
#[derive(Debug, thiserror::Error)]
#[error("this part of the file was not kept")]
pub(super) struct Missed;

/// The file. To read what it does not have is an error, and remembered.
pub(super) struct Holed {
    file: File,
    holes: Vec<Range<u64>>,
    size: u64,
    at: u64,
    missed: bool,
}

/// Bytes that have come and have no place yet.
struct Window {
    bytes: Vec<u8>,
    /// The part of them that was not looked at.
    left: Range<usize>,
    /// Where those begin that stay and are not written: they end where the others begin.
    stay: usize,
    ended: bool,
}

impl Window {
    /// Reads on behind what is left.
    fn more(&mut self, file: &mut dyn Read) -> io::Result<()> {
        self.stay = 0;
        self.bytes.copy_within(self.left.clone(), 0);
        self.left = 0..self.left.len();
        while self.left.end < self.bytes.len() && !self.ended {
            match file.read(&mut self.bytes[self.left.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.left.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Holed {
    /// Puts what `sieve` keeps of all that comes, `size` bytes or fewer, into `disk`, which is empty.
    ///
    /// # Errors
    /// The reader's, or those of the disk.
    pub(super) fn fill(file: &mut dyn Read, mut sieve: Sieve, size: u64, disk: File) -> io::Result<Self> {
        let mut window = Window { bytes: vec![0; STEP], left: 0..0, stay: 0, ended: false };
        let mut holed = Self { file: disk, holes: Vec::new(), size: 0, at: 0, missed: false };
        loop {
            if window.left.is_empty() {
                holed.keep(&mut window)?;
                if window.ended {
                    break;
                }
                window.more(file)?;
                if window.left.is_empty() {
                    break;
                }
            }
            let at = holed.size + (window.left.start - window.stay) as u64;
            match sieve.step(at, &window.bytes[window.left.clone()]) {
                Step::More if !window.ended && window.left.start > 0 => {
                    holed.keep(&mut window)?;
                    window.more(file)?;
                }
                Step::More => window.left.start = window.left.end,
                Step::Keep(count) => window.left.start += count,
                Step::Drop(count) => {
                    holed.keep(&mut window)?;
                    holed.skip(file, &mut window, count.min(size - holed.size))?;
                }
            }
        }
        holed.file.set_len(holed.size)?;
        Ok(holed)
    }

    /// Writes what stays of what was looked at.
    fn keep(&mut self, window: &mut Window) -> io::Result<()> {
        let bytes = &window.bytes[window.stay..window.left.start];
        self.file.write_all_at(bytes, self.size)?;
        self.size += bytes.len() as u64;
        window.stay = window.left.start;
        Ok(())
    }

    /// Passes over so many bytes.
    fn skip(&mut self, file: &mut dyn Read, window: &mut Window, count: u64) -> io::Result<()> {
        let here = usize::try_from(count).unwrap_or(usize::MAX).min(window.left.len());
        window.left.start += here;
        window.stay = window.left.start;
        let passed = here as u64 + copy(file, count - here as u64, &mut io::sink())?;
        self.holes.push(self.size..self.size + passed);
        self.size += passed;
        Ok(())
    }

    /// Whether somebody has asked for bytes that are not here.
    pub(super) const fn is_missed(&self) -> bool {
        self.missed
    }
}

impl Read for Holed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.holes.partition_point(|hole| hole.end <= self.at);
        let end = self.holes.get(next).map_or(self.size, |hole| hole.start);
        if end <= self.at && self.at < self.size && !buffer.is_empty() {
            self.missed = true;
            return Err(io::Error::other(Missed));
        }
        let most = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Holed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
