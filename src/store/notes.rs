//! Facts derived from blobs, such as indexes. A note can always be made again, so a damaged one counts as absent.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use crate::oci::Digest;
use crate::store::Error;
use crate::store::Store;
use crate::store::damage;
use crate::store::draft::temporary;
use crate::store::io;

/// Bytes of the digest that stands before every note.
const CHECKSUM: usize = 32;

impl Store {
    /// The note `name` of this `kind`; `None` when there is none or it is damaged: then it is gone afterwards.
    /// Both names are file names of the caller's making, never taken from an image.
    #[must_use]
    pub fn load_note(&self, kind: &str, name: &str) -> Option<Vec<u8>> {
        let path = self.note_path(kind, name);
        let mut file = fs::File::open(&path).ok()?;
        let body = body(&mut file).ok()?;
        match &body {
            Some(_) => self.use_file(&file),
            None => damage::remove(&path, &file),
        }
        body
    }

    /// Whether there is such a note, unread. It counts as used: who asks relies on it.
    #[must_use]
    pub fn has_note(&self, kind: &str, name: &str) -> bool {
        self.use_path(&self.note_path(kind, name))
    }

    /// Forgets a note that says nothing, though its checksum fits. That it may fail makes nothing worse.
    pub fn forget_note(&self, kind: &str, name: &str) {
        drop(fs::remove_file(self.note_path(kind, name)));
    }

    /// Keeps a note; replaces one of the same name.
    ///
    /// # Errors
    /// When it cannot be written; an older note stays as it was.
    pub fn save_note(&self, kind: &str, name: &str, body: &[u8]) -> Result<(), Error> {
        let path = self.note_path(kind, name);
        let directory = self.root.join("notes").join(kind);
        fs::create_dir_all(&directory).map_err(io("make directory", &directory))?;
        let scratch = temporary(self, "note");
        let mut bytes = Digest::of(body).raw().to_vec();
        bytes.extend_from_slice(body);
        fs::write(scratch.path(), bytes).map_err(io("write", scratch.path()))?;
        fs::rename(scratch.path(), &path).map_err(io("rename", scratch.path()))?;
        scratch.keep();
        Ok(())
    }

    fn note_path(&self, kind: &str, name: &str) -> PathBuf {
        self.root.join("notes").join(kind).join(name)
    }
}

/// What a note says, without the checksum before it; `None` when that does not fit.
///
/// # Errors
/// When the note cannot be read.
pub(super) fn body(note: &mut fs::File) -> std::io::Result<Option<Vec<u8>>> {
    let (mut checksum, mut body) = (Vec::with_capacity(CHECKSUM), Vec::new());
    note.take(CHECKSUM as u64).read_to_end(&mut checksum)?;
    note.read_to_end(&mut body)?;
    Ok((Digest::of(&body).raw().as_slice() == checksum).then_some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_note_counts_as_absent() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert_eq!(store.load_note("index", "a"), None);
        assert!(!store.has_note("index", "a"));
        store.save_note("index", "a", b"facts").unwrap();
        assert!(store.has_note("index", "a"));
        assert_eq!(store.load_note("index", "a").as_deref(), Some(&b"facts"[..]));
        let path = store.note_path("index", "a");
        let mut bytes = fs::read(&path).unwrap();
        bytes[CHECKSUM] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(store.load_note("index", "a"), None);
        assert!(!store.has_note("index", "a"), "a damaged note is removed when it is found");
    }
}
