//! What is learned of one file's content as it passes.

use std::io;
use std::io::Read;
use std::path::Path;

use super::Object;
use super::holed::Missed;
use super::shell;
use super::spool::Keeping;
use super::spool::Spool;
use crate::elf;
use crate::elf::Study;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::digest::Hashing;
use crate::python;
use crate::python::Script;

/// Longest file whose content is kept in the note.
const KEPT: u64 = 1 << 20;
/// Longest Python file and longest RECORD that are looked at: the longest in use have a tenth of it.
const LONG_TEXT: u64 = 16 << 20;

/// A file as it was found.
pub(super) enum Found {
    /// Nothing worth keeping.
    Nothing,
    /// A small text that others read, or the part of one that they read.
    Text(Vec<u8>),
    /// A Python file that has something to say.
    Script(Script),
    /// An ELF file that can be understood.
    Elf(Box<Object>, Box<(Symbols, Traits)>),
}

/// Looks at a file of `size` bytes. A file that starts as ELF and cannot be understood is nothing: for the
/// dynamic loader it is no library either. Temporary files have no name and live in `temporary`.
///
/// # Errors
/// The reader's and the disk's; [`Missed`] when not all that the study asks for was kept.
pub(super) fn look(
    path: &ImagePath,
    size: u64,
    file: &mut dyn Read,
    (keeping, temporary): (Keeping, &Path),
) -> io::Result<Found> {
    let mut start = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut start)?;
    if let Some(kind) = Text::of_start(path, &start).filter(|kind| size <= kind.longest()) {
        file.read_to_end(&mut start)?;
        return Ok(kind.found(path, start));
    }
    if start != b"\x7fELF" {
        return Ok(Found::Nothing);
    }
    let mut whole = Hashing::new(start.as_slice().chain(file));
    let mut spool = Spool::fill(&mut whole, size, keeping, temporary)?;
    let study = elf::study(&mut spool, size);
    if spool.is_missed() {
        return Err(io::Error::other(Missed));
    }
    Ok(found(study, whole.hasher().digest(), size))
}

/// Whether this is a wheel's list of its files, and not too long to be one.
pub(super) fn is_record(path: &ImagePath, size: u64) -> bool {
    matches!(Text::of(path), Some(Text::Record)) && size <= LONG_TEXT
}

/// Facts of a file of a tree that is in a file of its own.
///
/// # Errors
/// The file cannot be read: that must never pass for a file that is not ELF.
pub(super) fn of_file(
    path: &ImagePath,
    file: &mut std::fs::File,
    digest: Digest,
    size: u64,
) -> io::Result<Found> {
    let mut start = Vec::new();
    file.take(2).read_to_end(&mut start)?;
    if let Some(kind) = Text::of_start(path, &start).filter(|kind| size <= kind.longest()) {
        file.read_to_end(&mut start)?;
        return Ok(kind.found(path, start));
    }
    match elf::study(file, size) {
        // A file that ends too soon is a damaged ELF file, not a disk that fails.
        Err(elf::Error::Read(error)) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        read => Ok(found(read, digest, size)),
    }
}

/// Facts of a file of a tree that is in memory.
pub(super) fn of_bytes(path: &ImagePath, bytes: &[u8]) -> Found {
    if let Some(kind) = Text::of_start(path, bytes) {
        return kind.found(path, bytes.to_vec());
    }
    let size = bytes.len() as u64;
    found(elf::study(&mut io::Cursor::new(bytes), size), Digest::of(bytes), size)
}

fn found(read: Result<Option<Study>, elf::Error>, digest: Digest, size: u64) -> Found {
    match read {
        Ok(Some(Study { facts, symbols, traits })) => {
            Found::Elf(Box::new(Object { digest, size, facts }), Box::new((symbols, traits)))
        }
        Ok(None) | Err(_) => Found::Nothing,
    }
}

/// Files that are text by their names.
#[derive(Debug, Clone, Copy)]
enum Text {
    /// Kept as it is.
    Whole,
    /// A wheel's list of files, of which the libraries are kept.
    Record,
    /// Python.
    Script,
    /// A shell script, of which the variables are kept.
    Shell,
}

impl Text {
    fn of(path: &ImagePath) -> Option<Self> {
        let name = path.name();
        if matches!(path.as_bytes(), b"etc/ld.so.cache" | b"etc/ld.so.preload") || name == b"pyvenv.cfg" {
            return Some(Self::Whole);
        }
        let in_wheel = || path.parent().is_some_and(|parent| parent.name().ends_with(b".dist-info"));
        if name == b"RECORD" && in_wheel() {
            return Some(Self::Record);
        }
        match name.ends_with(b".py") {
            true => Some(Self::Script),
            false => name.ends_with(b".sh").then_some(Self::Shell),
        }
    }

    /// As [`Text::of`]; a script without a name of one is known by how it starts.
    fn of_start(path: &ImagePath, start: &[u8]) -> Option<Self> {
        Self::of(path).or_else(|| start.starts_with(b"#!").then_some(Self::Shell))
    }

    const fn longest(self) -> u64 {
        match self {
            Self::Whole => KEPT,
            Self::Shell => shell::LONGEST,
            Self::Record | Self::Script => LONG_TEXT,
        }
    }

    fn found(self, path: &ImagePath, bytes: Vec<u8>) -> Found {
        match self {
            Self::Whole => Found::Text(bytes),
            Self::Shell => match shell::mentions(&bytes) {
                names if names.is_empty() => Found::Nothing,
                names => Found::Text(names),
            },
            Self::Record => {
                let text = String::from_utf8_lossy(&bytes);
                let libraries = text.lines().filter(|line| line.contains(".so"));
                Found::Text(libraries.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes())
            }
            Self::Script => {
                let text = std::str::from_utf8(&bytes);
                let script = text.map(|text| python::script_at(path, text)).unwrap_or_default();
                if script.is_empty() { Found::Nothing } else { Found::Script(script) }
            }
        }
    }
}
