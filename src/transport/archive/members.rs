//! Where each member of a tar file is. One pass over the headers; contents are read in place.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use crate::transport::error::Error;
use crate::transport::layout::bounded;
use crate::transport::layout::failed;

/// Links that lead to links that lead to links: more than this is a loop.
const MAX_LINKS: usize = 10;
/// More members than any image has: a header costs 512 bytes, so a hostile archive could name millions.
const MAX_MEMBERS: usize = 1 << 16;

/// A tar file and the places of its members.
#[derive(Debug)]
pub(super) struct Members {
    file: Arc<fs::File>,
    path: PathBuf,
    place: String,
    members: BTreeMap<String, Member>,
}

#[derive(Debug, Clone)]
enum Member {
    File { offset: u64, size: u64 },
    Symlink(String),
}

/// A part of a file, read in place: several can be read at once.
#[derive(Debug)]
pub(super) struct Slice {
    file: Arc<fs::File>,
    position: u64,
    end: u64,
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Members {
    /// Opens the archive at `path`; what cannot be read in place is written out in `scratch` first.
    pub(super) fn open(path: &Path, place: &str, scratch: &Path) -> Result<Self, Error> {
        let mut file = match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotFound { what: path.display().to_string(), place: place.to_owned() });
            }
            opened => opened.map_err(failed("read", path))?,
        };
        let unreadable = failed("read", path);
        let regular = file.metadata().map_err(&unreadable)?.is_file();
        let mut magic = Vec::new();
        (&file).take(4).read_to_end(&mut magic).map_err(&unreadable)?;
        let packed = magic.starts_with(GZIP) || magic.starts_with(ZSTD);
        if regular && !packed {
            return Self::scan(file, path, place);
        }
        if regular {
            file.seek(SeekFrom::Start(0)).map_err(&unreadable)?;
            magic.clear();
        }
        let spooled = spool(io::Cursor::new(magic).chain(file), scratch).map_err(&unreadable)?;
        Self::scan(spooled, path, place)
    }

    /// Reads the headers of `file` from its start.
    pub(super) fn scan(mut file: fs::File, path: &Path, place: &str) -> Result<Self, Error> {
        let unreadable = failed("read", path);
        let length = file.seek(SeekFrom::End(0)).map_err(&unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(&unreadable)?;
        let broken = |problem: String| Error::Broken { place: place.to_owned(), problem };
        let mut members = BTreeMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek().map_err(&unreadable)? {
            let entry = entry.map_err(|error| {
                broken(format!("not a readable tar: {}", error.to_string().escape_debug()))
            })?;
            let name = normal(&String::from_utf8_lossy(&entry.path_bytes()));
            let Some(member) = member(&entry, &name, length, &members).map_err(broken)? else {
                continue;
            };
            members.insert(name, member);
            if members.len() > MAX_MEMBERS {
                return Err(broken(format!("more than {MAX_MEMBERS} members")));
            }
        }
        Ok(Self { file: Arc::new(file), path: path.to_owned(), place: place.to_owned(), members })
    }

    /// Whether there is a member of this name that is no link.
    pub(super) fn has_file(&self, name: &str) -> bool {
        matches!(self.members.get(name), Some(Member::File { .. }))
    }

    /// The member's size in bytes, links followed.
    pub(super) fn size(&self, name: &str) -> Result<u64, Error> {
        self.follow(name).map(|(_, size)| size)
    }

    /// Reads a whole document, which may not be large, links followed.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>, Error> {
        bounded(&mut self.open_following(name, 0)?, &self.place).map_err(failed("read", &self.path))?
    }

    /// Opens a member that must not be a link (a symlinked blob is refused, as in a layout).
    pub(super) fn open_file(&self, name: &str, from: u64) -> Result<Slice, Error> {
        match self.members.get(name) {
            Some(Member::File { offset, size }) => Ok(self.slice(*offset, *size, from)),
            Some(Member::Symlink(_)) => Err(Error::Broken {
                place: self.place.clone(),
                problem: format!("`{name}` is not a regular file"),
            }),
            None => Err(self.absent(name)),
        }
    }

    /// Opens a member, links within the archive followed.
    pub(super) fn open_following(&self, name: &str, from: u64) -> Result<Slice, Error> {
        let (offset, size) = self.follow(name)?;
        Ok(self.slice(offset, size, from))
    }

    fn slice(&self, offset: u64, size: u64, from: u64) -> Slice {
        Slice { file: Arc::clone(&self.file), position: offset + from.min(size), end: offset + size }
    }

    fn follow(&self, name: &str) -> Result<(u64, u64), Error> {
        let mut name = normal(name);
        for _ in 0..MAX_LINKS {
            match self.members.get(&name) {
                Some(Member::File { offset, size }) => return Ok((*offset, *size)),
                Some(Member::Symlink(target)) => {
                    let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
                    name = normal(&format!("{parent}/{target}"));
                }
                None => return Err(self.absent(&name)),
            }
        }
        Err(Error::Broken {
            place: self.place.clone(),
            problem: format!("the links of `{name}` go in circles"),
        })
    }

    fn absent(&self, name: &str) -> Error {
        Error::NotFound { what: name.to_owned(), place: self.place.clone() }
    }
}

/// What an entry stands for in an archive of `length` bytes, `None` for what nobody asks for; else the problem.
fn member(
    entry: &tar::Entry<'_, &fs::File>,
    name: &str,
    length: u64,
    before: &BTreeMap<String, Member>,
) -> Result<Option<Member>, String> {
    let target = entry.link_name_bytes().unwrap_or_default();
    let target = String::from_utf8_lossy(&target).into_owned();
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {
            let (offset, size) = (entry.raw_file_position(), entry.size());
            if offset.checked_add(size).is_none_or(|end| end > length) {
                return Err(format!("the archive is cut short within `{name}`"));
            }
            Ok(Some(Member::File { offset, size }))
        }
        EntryType::Symlink => Ok(Some(Member::Symlink(target))),
        // A hard link is another name of a member that came before it.
        EntryType::Link => match before.get(&normal(&target)) {
            Some(member) => Ok(Some(member.clone())),
            None => Err(format!("`{name}` is a link to nothing")),
        },
        EntryType::GNUSparse => Err(format!("`{name}` is a sparse member")),
        _ => Ok(None),
    }
}

/// The first bytes of a gzip member.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];
/// The first bytes of a Zstandard frame.
pub(super) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The plain tar of a stream, in a file that has no name and goes when it is closed.
fn spool(stream: impl Read, scratch: &Path) -> io::Result<fs::File> {
    let mut stream = io::BufReader::with_capacity(1 << 18, stream);
    let mut file = tempfile::tempfile_in(scratch)?;
    let magic = io::BufRead::fill_buf(&mut stream)?.to_vec();
    if magic.starts_with(GZIP) {
        io::copy(&mut MultiGzDecoder::new(stream), &mut file)?;
    } else if magic.starts_with(ZSTD) {
        io::copy(&mut zstd::Decoder::new(stream)?, &mut file)?;
    } else {
        io::copy(&mut stream, &mut file)?;
    }
    Ok(file)
}

/// The name without `./`, doubled slashes and `..`, which cannot leave the archive.
fn normal(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for (name, want) in [("./a//b", "a/b"), ("x/../../a", "a"), ("/a/", "a"), ("", "")] {
            assert_eq!(normal(name), want, "{name}");
        }
    }
}
