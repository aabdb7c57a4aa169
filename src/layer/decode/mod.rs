//! A layer's tar, read once from front to back, to its changeset.
//!
//! Read as Go's `archive/tar` reads it, since Docker, containerd, Podman and umoci unpack with it, and what is
//! audited must be what they unpack: global PAX headers change no entry, and links, devices and directories
//! have no content whatever their size says. Knows nothing of compression or of other layers.

mod build;
mod error;
mod header;
mod listed;
mod pax;
mod tape;

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;

use header::Header;
use pax::Extended;
use tape::BLOCK;
use tape::Body;
use tape::Tape;

pub use error::Error;
pub use listed::listed;

/// The most bytes of one extended header: Go's `archive/tar` has the same bound.
const MAX_EXTENDED: u64 = 1 << 20;

/// The most entries of one layer: ten times the file count of the biggest images there are.
const MAX_ENTRIES: usize = 10_000_000;

/// Receives each regular file with a reader of its content.
pub type Visit<'a> = dyn FnMut(&ImagePath, &Entry, &mut dyn Read) -> io::Result<()> + 'a;

/// Decodes the uncompressed tar of a layer.
///
/// `visit` is called for every regular file, in the order of the tar, with the path that the file has in the
/// changeset; what it leaves unread is skipped. Contents are named by their place in the tar. The stream is
/// read to its very end, bytes after the tar's trailer included, so that whoever hashes it has seen everything.
/// A missing trailer is accepted. Extended attributes of overlayfs are dropped.
///
/// # Errors
/// A tar that is cut short or damaged, names that leave the image, whiteouts that hide nothing, sparse files,
/// entries below files, bounds exceeded, and whatever `visit` fails with.
pub fn decode(reader: &mut dyn Read, visit: &mut Visit<'_>) -> Result<Changeset, Error> {
    let mut progress = Progress::default();
    decode_on(reader, &mut progress, visit)?;
    Ok(progress.changes)
}

/// How far a decoding has come: always behind a whole entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What was read so far.
    pub changes: Changeset,
    /// Offset in the tar of the first byte that was not.
    pub position: u64,
    entries: usize,
}

/// As [`decode`], from where an earlier decoding has stopped; `reader` begins at that position. What was read is in
/// `progress` also after a failure.
///
/// # Errors
/// As [`decode`].
pub fn decode_on(reader: &mut dyn Read, progress: &mut Progress, visit: &mut Visit<'_>) -> Result<(), Error> {
    let mut tape = Tape::at(progress.position, reader);
    let mut extended = Extended::default();
    while let Some((mut header, at)) = next_header(&mut tape)? {
        match header.flag {
            b'L' => extended.name(&extension(&mut tape, &header, at)?),
            b'K' => extended.link(&extension(&mut tape, &header, at)?),
            b'x' => extended.records(&extension(&mut tape, &header, at)?, at)?,
            b'g' => drop(extension(&mut tape, &header, at)?),
            _ => {
                let xattrs = std::mem::take(&mut extended).apply(&mut header, at)?;
                if progress.entries >= MAX_ENTRIES {
                    return Err(Error::TooMany { limit: MAX_ENTRIES });
                }
                take_in(&mut tape, &mut progress.changes, &header, xattrs, at, visit)?;
                progress.entries += 1;
                progress.position = tape.position();
            }
        }
    }
    if extended.any {
        return Err(tape.truncated("the entry that an extended header announces"));
    }
    tape.skip(u64::MAX)?;
    Ok(())
}

/// The next header and its offset; `None` at the trailer or at the end of the stream.
fn next_header(tape: &mut Tape<'_>) -> Result<Option<(Header, u64)>, Error> {
    let at = tape.position();
    let Some(block) = tape.block()? else {
        return Ok(None);
    };
    if block == [0; BLOCK] {
        let second = tape.position();
        return match tape.block()? {
            None => Ok(None),
            Some(block) if block == [0; BLOCK] => Ok(None),
            Some(_) => Err(Error::Checksum { at: second }),
        };
    }
    Ok(Some((header::parse(&block, at)?, at)))
}

fn extension(tape: &mut Tape<'_>, header: &Header, at: u64) -> Result<Vec<u8>, Error> {
    if header.size > MAX_EXTENDED {
        return Err(Error::TooLong { at, size: header.size, limit: MAX_EXTENDED });
    }
    tape.extended(header.size)
}

/// Takes one entry with its content.
fn take_in(
    tape: &mut Tape<'_>,
    changes: &mut Changeset,
    header: &Header,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    at: u64,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    let named = ImagePath::from_tar(&header.name).map_err(|source| Error::Path { at, source })?;
    let node = node(header, &named, tape.position(), at)?;
    let size = match &node {
        Node::File(content) => content.size(),
        _ => 0,
    };
    if build::hides(changes, &named)? {
        return skip_content(tape, size, &named);
    }
    let (path, node) = build::settle(changes, &named, node)?;
    let entry = Entry {
        meta: Meta { mode: header.mode, uid: header.uid, gid: header.gid, mtime: header.mtime, xattrs },
        node,
    };
    if let Node::File(_) = entry.node {
        read_content(tape, size, &path, &entry, visit)?;
    }
    build::place(changes, path, entry)
}

/// What the entry is. A file's content begins at `offset`.
fn node(header: &Header, named: &ImagePath, offset: u64, at: u64) -> Result<Node, Error> {
    let name = || String::from_utf8_lossy(&header.name).into_owned();
    Ok(match header.flag {
        b'5' => Node::Directory,
        // V7 had no flag for directories: they were told by the slash.
        0 if header.name.ends_with(b"/") => Node::Directory,
        0 | b'0' | b'7' if named.is_root() => return Err(Error::Root),
        0 | b'0' | b'7' => Node::File(Content::InLayer { offset, size: header.size }),
        b'1' => {
            Node::Hardlink(ImagePath::from_tar(&header.link).map_err(|source| Error::Path { at, source })?)
        }
        b'2' => Node::Symlink(header.link.clone()),
        b'3' => Node::CharDevice(header.major, header.minor),
        b'4' => Node::BlockDevice(header.major, header.minor),
        b'6' => Node::Fifo,
        b'S' => return Err(Error::Sparse { name: name() }),
        flag => return Err(Error::Type { name: name(), flag }),
    })
}

fn read_content(
    tape: &mut Tape<'_>,
    size: u64,
    path: &ImagePath,
    entry: &Entry,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    let mut body = Body { tape, left: size, cut: false, failed: false };
    let visited = visit(path, entry, &mut body);
    let Body { left, cut, failed, .. } = body;
    if cut {
        return Err(tape.truncated(&path.to_string()));
    }
    visited.map_err(|source| match failed {
        true => Error::Read { at: tape.position(), source },
        false => Error::Visit { path: path.clone(), source },
    })?;
    skip_rest(tape, left, size, path)
}

fn skip_content(tape: &mut Tape<'_>, size: u64, path: &ImagePath) -> Result<(), Error> {
    skip_rest(tape, size, size, path)
}

fn skip_rest(tape: &mut Tape<'_>, left: u64, size: u64, path: &ImagePath) -> Result<(), Error> {
    if tape.skip(left)? < left {
        return Err(tape.truncated(&path.to_string()));
    }
    tape.skip_padding(size)
}
