//! What is learned of one file's content as it passes.

use std::io;
use std::io::Read;
use std::io::Seek;
use std::path::Path;

use super::Object;
use crate::elf;
use crate::elf::Symbols;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::digest::Hashing;

/// Up to this many bytes a file is taken into memory; a longer one goes through a temporary file.
const IN_MEMORY: u64 = 4 << 20;
/// Longest file whose content is kept in the note.
const KEPT: u64 = 1 << 20;

/// A file as it was found.
pub(super) enum Found {
    /// Nothing worth keeping.
    Nothing,
    /// A small text that the loader's model reads.
    Text(Vec<u8>),
    /// An ELF file that can be understood.
    Elf(Box<Object>, Symbols),
}

/// Looks at a file of `size` bytes. A file that starts as ELF and cannot be understood is nothing: for the
/// dynamic loader it is no library either. Temporary files have no name and live in `temporary`.
pub(super) fn look(path: &ImagePath, size: u64, file: &mut dyn Read, temporary: &Path) -> io::Result<Found> {
    let wanted = path.as_bytes() == b"etc/ld.so.cache" || path.name() == b"pyvenv.cfg";
    if wanted && size <= KEPT {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        return Ok(Found::Text(bytes));
    }
    let mut magic = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut magic)?;
    if magic != b"\x7fELF" {
        return Ok(Found::Nothing);
    }
    let mut whole = Hashing::new(magic.as_slice().chain(file));
    let (read, digest) = if size <= IN_MEMORY {
        let mut bytes = Vec::new();
        whole.read_to_end(&mut bytes)?;
        (elf::parse(&bytes), whole.hasher().digest())
    } else {
        let mut spool = tempfile::tempfile_in(temporary)?;
        io::copy(&mut whole, &mut spool)?;
        spool.rewind()?;
        (elf::read(&mut spool, size), whole.hasher().digest())
    };
    Ok(found(read, digest, size))
}

/// Facts of a file that is in a file of its own.
///
/// # Errors
/// The file cannot be read: that must never pass for a file that is not ELF.
pub(super) fn of_file(file: &mut std::fs::File, digest: Digest, size: u64) -> io::Result<Found> {
    match elf::read(file, size) {
        // A file that ends too soon is a damaged ELF file, not a disk that fails.
        Err(elf::Error::Read(error)) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        read => Ok(found(read, digest, size)),
    }
}

/// Facts of a file in memory.
pub(super) fn of_bytes(bytes: &[u8]) -> Found {
    found(elf::parse(bytes), Digest::of(bytes), bytes.len() as u64)
}

fn found(read: Result<Option<(elf::Facts, Symbols)>, elf::Error>, digest: Digest, size: u64) -> Found {
    match read {
        Ok(Some((facts, symbols))) => Found::Elf(Box::new(Object { digest, size, facts }), symbols),
        Ok(None) | Err(_) => Found::Nothing,
    }
}
