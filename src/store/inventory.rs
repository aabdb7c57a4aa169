//! All that lies in a store.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use walkdir::WalkDir;

use crate::store::Error;
use crate::store::Store;

/// What a file of a store is, by where it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Verified bytes, named by their digest.
    Blobs,
    /// Facts of this kind.
    Notes(String),
    /// A download that was cut, or is under way.
    Partial,
    /// A temporary file of a run that was killed, or is under way.
    Leftovers,
    /// Not the store's.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blobs => f.write_str("blobs"),
            Self::Notes(kind) => write!(f, "notes/{kind}"),
            Self::Partial => f.write_str("partial"),
            Self::Leftovers => f.write_str("tmp"),
            Self::Other => f.write_str("other"),
        }
    }
}

/// One file of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its path below the store's root.
    pub path: PathBuf,
    /// Length in bytes.
    pub bytes: u64,
    /// When it was last used, to within an hour; of what is partial or left over, when it was last written.
    pub used: SystemTime,
}

impl Store {
    /// Every file in it, by path. What others add or remove meanwhile may be in it or not.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn inventory(&self) -> Result<Vec<Item>, Error> {
        let gone = |error: &walkdir::Error| {
            error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        let mut items = Vec::new();
        for found in WalkDir::new(&self.root).sort_by_file_name() {
            let item = found.and_then(|found| {
                if found.file_type().is_dir() {
                    return Ok(None);
                }
                let meta = found.metadata()?;
                let path = found.path().strip_prefix(&self.root).unwrap_or(found.path()).to_owned();
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                Ok(Some(Item { kind: kind_of(&path), path, bytes: meta.len(), used }))
            });
            match item {
                Ok(item) => items.extend(item),
                Err(error) if gone(&error) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(&self.root).to_owned();
                    return Err(Error::Io { action: "read", path, source: error.into() });
                }
            }
        }
        items.retain(|item| item.path != Path::new(super::LOCK));
        Ok(items)
    }
}

fn kind_of(path: &Path) -> Kind {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts.as_slice() {
        ["blobs", "sha256", _] => Kind::Blobs,
        ["notes", kind, _] => Kind::Notes((*kind).to_owned()),
        ["partial", _] => Kind::Partial,
        ["tmp", ..] => Kind::Leftovers,
        _ => Kind::Other,
    }
}
