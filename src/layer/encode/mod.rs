//! A changeset to the tar of a layer: for one changeset there is one possible sequence of bytes.
//!
//! Knows nothing of compression, nor where contents come from. Parents are not made up: a directory without an
//! entry of its own is created by engines as they please, so the caller gives entries with the base's metadata.

mod error;
mod header;
mod order;

use std::io;
use std::io::Read;
use std::io::Write;

use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;

use order::Item;

pub use error::Error;

/// Opens the content of a file for reading. Not asked for [`Content::Bytes`].
pub type Open<'a> = dyn FnMut(&ImagePath, &Content) -> io::Result<Box<dyn Read>> + 'a;

/// Writes the tar of `changes` to `out`, uncompressed and with its trailer.
///
/// Sorted by path, a directory before its whiteouts and those before what is in it, hard links last. Metadata as
/// given; PAX records only where ustar is too small; no user names, never sparse. Opaque markers are written for
/// `changes.opaque` and for a directory that is removed and made again.
///
/// # Errors
/// A changeset that no layer can hold (before anything is written), a content that is not as long as promised,
/// and what `contents` or `out` fail with; then what was written is to be thrown away.
pub fn encode(changes: &Changeset, contents: &mut Open<'_>, out: &mut dyn Write) -> Result<(), Error> {
    for item in order::order(changes)? {
        match item {
            Item::Entry(path, entry) => write_entry(path, entry, contents, out)?,
            Item::Marker(path) => {
                let empty = Node::File(Content::Bytes(Vec::new()));
                write(out, &header::blocks(&path, &Meta::root(0o644), &empty)?)?;
            }
        }
    }
    write(out, &[0; 1024])?;
    out.flush().map_err(|source| Error::Write { source })
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Error> {
    out.write_all(bytes).map_err(|source| Error::Write { source })
}

fn write_entry(
    path: &ImagePath,
    entry: &Entry,
    contents: &mut Open<'_>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    write(out, &header::blocks(path, &entry.meta, &entry.node)?)?;
    let Node::File(content) = &entry.node else {
        return Ok(());
    };
    if let Content::Bytes(bytes) = content {
        write(out, bytes)?;
    } else if content.size() > 0 {
        let failed = |source| Error::Content { path: path.clone(), source };
        let mut reader = contents(path, content).map_err(failed)?;
        copy_exactly(path, content.size(), reader.as_mut(), out)?;
    }
    let padding = content.size().next_multiple_of(512) - content.size();
    write(out, &[0; 512][..usize::try_from(padding).unwrap_or(0)])
}

/// Copies `size` bytes, and makes sure that there are no more.
fn copy_exactly(
    path: &ImagePath,
    size: u64,
    reader: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let wrong = |actual| Error::Size { path: path.clone(), expected: size, actual };
    let mut buffer = vec![0; 256 << 10];
    let mut copied = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) if copied == size => return Ok(()),
            Ok(0) => return Err(wrong(copied)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(Error::Content { path: path.clone(), source });
            }
        };
        copied += count as u64;
        if copied > size {
            return Err(wrong(size + 1));
        }
        write(out, &buffer[..count])?;
    }
}
