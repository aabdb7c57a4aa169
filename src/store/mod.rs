//! The store: where bytes become trusted. Everything that enters is hashed, and named by its digest.
//!
//! Knows no media types. On disk: `blobs/sha256/<hex>` (an OCI layout's blob directory), `tmp/`,
//! `partial/<hex>` for downloads that were cut, `notes/<kind>/<name>` for facts derived from blobs, and `lock`.
//! Several processes may share one store: every file appears by rename, whole, and none that another process may
//! have looked up is removed ([`Keeper`]), unless it is damaged.

pub mod damage;
pub mod draft;
mod hold;
pub mod ingest;
pub mod inventory;
mod keeper;
mod leftovers;
pub mod notes;
pub mod prune;
pub mod reader;
pub mod repair;
pub mod scratch;
mod used;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::SystemTime;

use crate::hint::Hint;
use crate::oci::Digest;

pub use damage::Damage;
pub use draft::Draft;
pub use ingest::IngestError;
pub use keeper::Keeper;
pub use reader::BlobReader;

/// The file that says who uses the store.
const LOCK: &str = "lock";

/// A directory of verified bytes. Cheap to clone; safe to use from several threads and processes.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    /// When it was opened, by the clock of its file system.
    now: SystemTime,
    hold: Arc<hold::Hold>,
    /// Blobs whose bytes this process has hashed.
    sound: Sound,
}

type Sound = Arc<Mutex<BTreeSet<Digest>>>;

/// Why the store did not take or give bytes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not what the digest names. Nothing was kept.
    #[error("expected `{expected}` but the bytes are `{actual}`")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// Too few or too many bytes. Nothing was kept.
    #[error("expected {expected} bytes of `{digest}` but got {actual}")]
    Size {
        /// What was asked for.
        digest: Digest,
        /// Bytes that the descriptor promises.
        expected: u64,
        /// Bytes that came; one more than promised stands for any number more.
        actual: u64,
    },
    /// Others use it, and go on.
    #[error("other commands still use the cache `{}` after {} s", root.display(), waited.as_secs())]
    Busy {
        /// The store.
        root: PathBuf,
        /// How long it took to give up.
        waited: Duration,
    },
    /// A file of the store.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Digest { .. } | Self::Size { .. } => {
                Some("the bytes were damaged on their way or where they are kept: try again".to_owned())
            }
            Self::Busy { .. } => {
                Some("let the builds that run now end, or wait longer for them: `--wait 10m`".to_owned())
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space: `imgforge cache prune --size 10G`; or name another cache directory with `--cache-dir`".to_owned())
            }
            Self::Io { .. } => None,
        }
    }
}

/// Turns an I/O error into one that names the path and what was tried.
fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

impl Store {
    /// Opens the store at `root`, which is made if it is not there. Waits while a [`Keeper`] has it.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::open_telling(root, &mut || ())
    }

    /// As [`Store::open`]; `tell` is called when it must wait for long. What killed runs left is removed if nobody
    /// else uses the store.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_telling(root: &Path, tell: &mut dyn FnMut()) -> Result<Self, Error> {
        let store = Self::made(root)?;
        // A leftover that cannot be removed is no reason not to work.
        store.hold.if_alone(|| drop(leftovers::sweep(&store)));
        store.hold.share(tell);
        Ok(store)
    }

    /// The store at `root`, not held yet.
    fn made(root: &Path) -> Result<Self, Error> {
        for part in ["blobs/sha256", "tmp", "partial", "notes"] {
            let directory = root.join(part);
            fs::create_dir_all(&directory).map_err(io("make directory", &directory))?;
        }
        let now = used::now_of(&root.join("tmp"));
        let hold = Arc::new(hold::Hold::new(root));
        Ok(Self { root: root.to_owned(), now, hold, sound: Sound::default() })
    }

    /// The directory it is in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A directory on the store's file system for temporary files. Register them with [`scratch`].
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where the blob is, or would be.
    #[must_use]
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Whether a regular file of this size is there. Its bytes were verified when they came in; they are
    /// verified again whenever they are read through [`Store::reader`].
    ///
    /// Only a question: it does not count as a use.
    #[must_use]
    pub fn contains(&self, digest: &Digest, size: u64) -> bool {
        // symlink_metadata: a symlinked blob could lead anywhere (apko#2306).
        fs::symlink_metadata(self.blob_path(digest)).is_ok_and(|meta| meta.is_file() && meta.len() == size)
    }

    /// Opens a blob; what is read is hashed, and a mismatch at the end is an `InvalidData` error after
    /// which the blob is gone, so that the next run fetches it again.
    ///
    /// # Errors
    /// When there is no such regular file.
    pub fn reader(&self, digest: &Digest) -> Result<BlobReader, Error> {
        Ok(BlobReader::new(self.file(digest)?, *digest, self.blob_path(digest), Arc::clone(&self.sound)))
    }

    /// Opens a blob's file for who seeks in it; its bytes are hashed first, unless this process has done so before.
    ///
    /// # Errors
    /// When there is no such regular file, or it is damaged: then it is gone afterwards.
    pub fn verified(&self, digest: &Digest) -> Result<fs::File, Error> {
        let known = self.sound.lock().unwrap_or_else(PoisonError::into_inner).contains(digest);
        if !known {
            let mut reader = std::io::BufReader::with_capacity(1 << 18, self.reader(digest)?);
            let path = self.blob_path(digest);
            std::io::copy(&mut reader, &mut std::io::sink()).map_err(io("read", &path))?;
        }
        self.file(digest)
    }

    /// Keeps in mind that the bytes of a blob were hashed and are right.
    fn is_verified(&self, digest: &Digest) {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest);
    }

    /// Whether a blob is there and is what its digest names. One that is not is forgotten.
    #[must_use]
    pub fn is_sound(&self, digest: &Digest) -> bool {
        let reader = self.reader(digest);
        reader.is_ok_and(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()).is_ok())
    }

    /// Opens a blob's file as it is, unverified: for seeking, or where the reader verifies by other means.
    ///
    /// # Errors
    /// When there is no such regular file.
    pub fn file(&self, digest: &Digest) -> Result<fs::File, Error> {
        let path = self.blob_path(digest);
        let gone = |error: std::io::Error| match error.kind() {
            kind @ std::io::ErrorKind::NotFound => Damage::Gone(*digest).error(kind),
            _ => error,
        };
        let meta = fs::symlink_metadata(&path).map_err(gone).map_err(io("read", &path))?;
        if !meta.is_file() {
            let source = std::io::Error::other("not a regular file");
            return Err(Error::Io { action: "read", path, source });
        }
        let file = fs::File::open(&path).map_err(gone).map_err(io("read", &path))?;
        self.use_file(&file);
        Ok(file)
    }

    /// Begins a blob whose digest is not known yet.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn draft(&self) -> Result<Draft, Error> {
        Draft::new(self)
    }

    /// Keeps `bytes`.
    ///
    /// # Errors
    /// When they cannot be written. Nothing is left behind.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        if self.contains(&digest, bytes.len() as u64) {
            self.use_path(&self.blob_path(&digest));
            return Ok(digest);
        }
        let mut draft = self.draft()?;
        draft.write_all(bytes).map_err(io("write", &self.blob_path(&digest)))?;
        draft.finish().map(|(digest, _)| digest)
    }

    /// Forgets a blob; a blob that is not there is fine.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.blob_path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    #[test]
    fn what_is_put_is_read_back() {
        let (_directory, store) = store();
        let digest = store.put(b"layer").unwrap();
        assert!(store.contains(&digest, 5) && !store.contains(&digest, 4));
        let mut text = String::new();
        store.reader(&digest).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "layer");
    }

    /// T28: a bit flipped in the cache is seen when the blob is read, and the blob goes (ggcr#2272, apko#1984).
    #[test]
    fn t28_a_flipped_bit_is_found_and_the_blob_forgotten() {
        let (_directory, store) = store();
        let digest = store.put(b"layer").unwrap();
        fs::write(store.blob_path(&digest), b"lbyer").unwrap();
        let error = store.reader(&digest).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(!store.contains(&digest, 5));
        store.put(b"layer").unwrap();
        assert!(store.is_sound(&digest));
        fs::remove_file(store.blob_path(&digest)).unwrap();
        fs::write(store.blob_path(&digest), b"lbyer").unwrap();
        assert!(!store.is_sound(&digest) && !store.contains(&digest, 5));
    }

    /// T28: a symlinked blob is refused (apko#2306).
    #[test]
    fn t28_a_symlinked_blob_is_refused() {
        let (directory, store) = store();
        let digest = Digest::of(b"secret");
        let secret = directory.path().join("secret");
        fs::write(&secret, b"secret").unwrap();
        std::os::unix::fs::symlink(&secret, store.blob_path(&digest)).unwrap();
        assert!(!store.contains(&digest, 6));
        assert!(store.reader(&digest).is_err());
    }
}
