//! A blob being written, whose digest is known when it ends.

use std::fs;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::oci::Digest;
use crate::oci::digest::Hashing;
use crate::store::Error;
use crate::store::Store;
use crate::store::scratch::Scratch;

/// Writes of this many bytes or more are not gathered before they go to the file.
const BUFFER: usize = 64 << 10;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Bytes on their way into the store. Dropped before [`Draft::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Draft {
    store: Store,
    scratch: Scratch,
    writer: Hashing<io::BufWriter<fs::File>>,
}

impl Draft {
    pub(super) fn new(store: &Store) -> Result<Self, Error> {
        let scratch = temporary(store, "draft");
        let file = fs::File::create_new(scratch.path()).map_err(super::io("make", scratch.path()))?;
        let writer = Hashing::new(io::BufWriter::with_capacity(BUFFER, file));
        Ok(Self { store: store.clone(), scratch, writer })
    }

    /// How many bytes were written.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.writer.hasher().length()
    }

    /// Reads what was written and flushed up to now, wherever the blob comes to lie.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> Result<fs::File, Error> {
        fs::File::open(self.scratch.path()).map_err(super::io("open", self.scratch.path()))
    }

    /// Keeps the blob under its digest; returns digest and length in bytes. It is not waited for the disk: what a crash
    /// leaves of it is found out when it is read, and made again.
    ///
    /// # Errors
    /// When the bytes cannot be written out. Nothing is left behind.
    pub fn finish(self) -> Result<(Digest, u64), Error> {
        let path = self.scratch.path().to_owned();
        let (writer, hasher) = self.writer.into_parts();
        let file = writer.into_inner().map_err(|error| super::io("write", &path)(error.into_error()))?;
        read_only(&file).map_err(super::io("write", &path))?;
        let digest = hasher.digest();
        let target = self.store.blob_path(&digest);
        fs::rename(&path, &target).map_err(super::io("rename", &path))?;
        self.scratch.keep();
        self.store.is_verified(&digest);
        Ok((digest, hasher.length()))
    }
}

/// A fresh path in `tmp/`, unique across the processes that share the store: process ids alone are not, when
/// each process is the first of its own container.
pub(super) fn temporary(store: &Store, what: &str) -> Scratch {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(number);
    Scratch::new(store.temporary().join(format!("{what}-{}-{number}-{random:016x}", std::process::id())))
}

pub(super) fn read_only(file: &fs::File) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(0o444))
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
