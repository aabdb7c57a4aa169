//! When a file of the store was last used: its modification time, which the store sets itself.
//!
//! Access times would be the kernel's to keep, and most mounts keep them loosely (`relatime`) or not at all. The
//! contents of a store's files never change, so their modification times are free to mean this.

use std::fs;
use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

use crate::oci::Digest;
use crate::store::Store;

/// A use is written down when the last one is so long ago: builds read the same files many times.
const APART: Duration = Duration::from_hours(1);

impl Store {
    /// Writes down that an open file of the store is used. That it may fail, on a disk that cannot be written to
    /// or on another user's file, makes the file look older than it is, and nothing worse.
    pub(super) fn use_file(&self, file: &fs::File) {
        let last = file.metadata().and_then(|meta| meta.modified());
        if last.is_ok_and(|last| self.is_long_after(last)) {
            drop(file.set_modified(self.now));
        }
    }

    /// As [`Store::use_file`], of a file that nobody has open. Whether it is there, as a regular file.
    pub(super) fn use_path(&self, path: &Path) -> bool {
        let Ok(meta) = fs::symlink_metadata(path) else {
            return false;
        };
        if meta.is_file() && meta.modified().is_ok_and(|last| self.is_long_after(last)) {
            drop(fs::File::open(path).and_then(|file| file.set_modified(self.now)));
        }
        meta.is_file()
    }

    /// As [`Store::contains`], of a blob that is relied on, though nobody may read it: that counts as a use.
    #[must_use]
    pub fn relies_on(&self, digest: &Digest, size: u64) -> bool {
        self.contains(digest, size) && self.use_path(&self.blob_path(digest))
    }

    fn is_long_after(&self, last: SystemTime) -> bool {
        self.now.duration_since(last).is_ok_and(|since| since >= APART)
    }
}

/// The time of the file system that `directory` is on: what the times of its files are held against. The same as the
/// machine's, but for network file systems, whose own clock is right here. The epoch where no file can be made.
pub(super) fn now_of(directory: &Path) -> SystemTime {
    let made = tempfile::tempfile_in(directory).and_then(|file| file.metadata()?.modified());
    made.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn age(store: &Store, path: &Path) -> Duration {
        store.now.duration_since(fs::metadata(path).unwrap().modified().unwrap()).unwrap_or_default()
    }

    #[test]
    fn reading_makes_a_blob_or_a_note_young_again_and_asking_for_it_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = store.put(b"layer").unwrap();
        store.save_note("facts", "a", b"x").unwrap();
        let (blob, note) = (store.blob_path(&digest), directory.path().join("notes/facts/a"));
        let old = || {
            for path in [&blob, &note] {
                fs::File::open(path).unwrap().set_modified(store.now - DAY).unwrap();
            }
        };
        old();
        assert!(store.contains(&digest, 5));
        assert_eq!(age(&store, &blob), DAY);
        drop(store.reader(&digest).unwrap());
        store.load_note("facts", "a").unwrap();
        assert_eq!((age(&store, &blob), age(&store, &note)), (Duration::ZERO, Duration::ZERO));
        old();
        store.put(b"layer").unwrap();
        assert!(store.has_note("facts", "a") && !store.has_note("facts", "b"));
        assert_eq!((age(&store, &blob), age(&store, &note)), (Duration::ZERO, Duration::ZERO));
    }
}
