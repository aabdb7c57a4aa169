//! What was learned of the files of an unpacked tree, kept so that those that stay as they are need not be read again.
//!
//! A file is taken for the same when its device, inode, size and both times of change are. What changed within one
//! tick of the clock before the tree was looked at is not believed: another change could bear the same time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use super::learned::Learned;
use super::note;
use super::word::Word;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::store::Store;

/// More than a tick of any clock that files are stamped with, in nanoseconds.
const TICK: i128 = 1_000_000_000;

/// What tells one state of a file from another. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Stamp {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        let time = |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: time(meta.mtime(), meta.mtime_nsec()),
            changed: time(meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// What is known of the files of one tree.
pub(super) struct Remembered {
    name: Digest,
    files: BTreeMap<ImagePath, (Stamp, Learned)>,
    /// When the tree was looked at, by the clock that files are stamped with.
    now: i128,
}

impl Remembered {
    /// What an earlier run left of the tree at `root`. The clock is asked by a file of the store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn load(store: &Store, root: &Path) -> io::Result<Self> {
        let name = Digest::of(fs::canonicalize(root)?.as_os_str().as_bytes());
        let now = Stamp::of(&tempfile::tempfile_in(store.temporary())?.metadata()?).changed;
        Ok(Self { name, files: note::load_tree(store, &name).unwrap_or_default(), now })
    }

    /// What is known of a file, if it is as it was and its symbols are still in the store. Asked once for each file.
    pub(super) fn take(&mut self, store: &Store, path: &ImagePath, stamp: &Stamp) -> Option<Learned> {
        let (known, learned) = self.files.remove(path)?;
        let whole = match &learned {
            Learned::Elf(object) => note::has_parts(store, &object.digest, Word::Own),
            _ => true,
        };
        (known == *stamp && whole).then_some(learned)
    }

    /// Whether a file can be known again by this stamp.
    pub(super) const fn is_settled(&self, stamp: &Stamp) -> bool {
        stamp.changed + TICK < self.now
    }

    /// Keeps what is known now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn save(
        self,
        store: &Store,
        files: &BTreeMap<&ImagePath, (&Stamp, &Learned)>,
    ) -> io::Result<()> {
        note::save_tree(store, &self.name, files).map_err(io::Error::other)
    }
}
