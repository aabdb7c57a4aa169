//! An ELF file of a layer put where it can be sought in: memory while there is room, else an unnamed temporary file,
//! which lacks what nobody will ask for.

use std::fs::File;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::holed::Holed;
use crate::elf::HEAD;
use crate::elf::Sieve;

/// Most bytes that all threads together hold in memory.
const ROOM: u64 = 64 << 20;
/// Bytes that are written at once.
const STEP: usize = 256 << 10;

static HELD: AtomicU64 = AtomicU64::new(0);

/// The file. Memory is given back when it is dropped.
pub(super) enum Spool {
    Memory { bytes: Cursor<Vec<u8>>, _held: Held },
    Disk(File),
    Holed(Holed),
}

/// Whether large files are kept whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Only what a study should ask for.
    Needed,
    /// All of it.
    Whole,
}

/// A part of the memory that there is room for.
pub(super) struct Held {
    all: &'static AtomicU64,
    size: u64,
}

impl Held {
    /// `None`: there is no room for so many bytes now, with `all` that is held.
    fn take(all: &'static AtomicU64, size: u64) -> Option<Self> {
        let taken = all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(size).filter(|held| *held <= ROOM)
        });
        taken.ok().map(|_| Self { all, size })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl Spool {
    /// Takes all that comes, which is `size` bytes or fewer; stands at its beginning afterwards.
    ///
    /// # Errors
    /// The reader's, or those of a file in `temporary`.
    pub(super) fn fill(
        file: &mut dyn Read,
        size: u64,
        keeping: Keeping,
        temporary: &Path,
    ) -> io::Result<Self> {
        Self::fill_beside(&HELD, file, (size, keeping), temporary)
    }

    fn fill_beside(
        all: &'static AtomicU64,
        file: &mut dyn Read,
        (size, keeping): (u64, Keeping),
        temporary: &Path,
    ) -> io::Result<Self> {
        if let Some(held) = Held::take(all, size) {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            file.take(size).read_to_end(&mut bytes)?;
            return Ok(Self::Memory { bytes: Cursor::new(bytes), _held: held });
        }
        let mut disk = tempfile::tempfile_in(temporary)?;
        let mut head = Vec::new();
        file.take(HEAD.min(size)).read_to_end(&mut head)?;
        let sieve = if keeping == Keeping::Needed { Sieve::of(&head, size) } else { None };
        let mut file = head.as_slice().chain(file.take(size - head.len() as u64));
        if let Some(sieve) = sieve {
            return Ok(Self::Holed(Holed::fill(&mut file, sieve, size, disk)?));
        }
        copy(&mut file, size, &mut disk)?;
        disk.rewind()?;
        Ok(Self::Disk(disk))
    }

    /// Whether somebody has asked for what was not kept.
    pub(super) const fn is_missed(&self) -> bool {
        matches!(self, Self::Holed(file) if file.is_missed())
    }
}

/// Copies up to `size` bytes in large steps, and says how many there were. Each step is hashed, written and looked at:
/// small ones cost more than their bytes.
///
/// # Errors
/// The reader's and the writer's.
pub(super) fn copy(from: &mut dyn Read, size: u64, into: &mut dyn Write) -> io::Result<u64> {
    let mut from = from.take(size);
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(STEP).min(STEP)];
    let mut copied = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        into.write_all(&buffer[..count])?;
        copied += count as u64;
    }
}

impl Read for Spool {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory { bytes, .. } => bytes.read(buffer),
            Self::Disk(file) => file.read(buffer),
            Self::Holed(file) => file.read(buffer),
        }
    }
}

impl Seek for Spool {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Memory { bytes, .. } => bytes.seek(to),
            Self::Disk(file) => file.seek(to),
            Self::Holed(file) => file.seek(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_goes_to_disk_and_is_the_same() {
        static ALL: AtomicU64 = AtomicU64::new(0);
        let directory = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let size = bytes.len() as u64;
        let fill = || {
            let kept = (size, Keeping::Needed);
            Spool::fill_beside(&ALL, &mut bytes.as_slice(), kept, directory.path()).unwrap()
        };
        let read = |mut spool: Spool| {
            let mut out = Vec::new();
            spool.seek(SeekFrom::Start(500)).unwrap();
            spool.read_to_end(&mut out).unwrap();
            out
        };
        let small = fill();
        assert!(matches!(small, Spool::Memory { .. }));
        assert_eq!(read(small), bytes[500..]);
        let held = Held::take(&ALL, ROOM - 10).unwrap();
        let large = fill();
        assert!(matches!(large, Spool::Disk(_)));
        assert_eq!(read(large), bytes[500..]);
        drop(held);
        assert!(matches!(fill(), Spool::Memory { .. }));
    }
}
