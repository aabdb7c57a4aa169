//! Taking in bytes whose digest and size are known before they come.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::progress::Task;
use crate::store::Error;
use crate::store::Store;
use crate::store::draft::read_only;
use crate::store::scratch::Scratch;

/// Why bytes did not come in.
#[derive(Debug)]
pub enum IngestError<E> {
    /// The place they come from could not open them.
    Open(E),
    /// The connection broke on the way; what came is kept and continued by the next call.
    Read(io::Error),
    /// They are wrong, or cannot be kept.
    Store(Error),
}

/// Opens the bytes at the place they come from, from an offset on.
pub type Open<'a, E> = &'a mut dyn FnMut(u64) -> Result<Box<dyn Read + Send>, E>;

/// A download under way in `partial/`, held by an exclusive lock so that two processes do not write one file.
struct Partial {
    path: PathBuf,
    file: fs::File,
    hasher: Hasher,
    /// In charge of a file that nobody resumes: it goes when the download breaks.
    own: Option<Scratch>,
}

impl Store {
    /// Takes in the blob `digest` of `size` bytes; a blob that is here is not opened at all.
    ///
    /// Bytes that an earlier call left in `partial/` are hashed and continued from. When the whole
    /// does not verify and part of it came from an earlier call, it is fetched once more from the start.
    ///
    /// # Errors
    /// Wrong bytes leave nothing behind; a broken connection leaves what came.
    pub fn ingest<E>(
        &self,
        digest: &Digest,
        size: u64,
        open: Open<'_, E>,
        task: &dyn Task,
    ) -> Result<(), IngestError<E>> {
        if self.contains(digest, size) {
            task.advance(size);
            return Ok(());
        }
        let mut partial = self.partial(digest, size).map_err(IngestError::Store)?;
        let resumed = partial.hasher.length();
        task.advance(resumed);
        let outcome =
            partial.receive(digest, size, open, task).and_then(|()| self.accept(partial, digest, size));
        match outcome {
            Err(IngestError::Store(Error::Digest { .. })) if resumed > 0 => {
                let mut fresh = self.partial(digest, size).map_err(IngestError::Store)?;
                fresh.receive(digest, size, open, task)?;
                self.accept(fresh, digest, size)
            }
            other => other,
        }
    }

    fn partial(&self, digest: &Digest, size: u64) -> Result<Partial, Error> {
        let path = self.root.join("partial").join(digest.hex());
        let Some(mut file) = locked(&path)? else {
            // Another process is at it: take a file of our own, which nobody resumes.
            let scratch = super::draft::temporary(self, "download");
            let file = fs::File::create_new(scratch.path()).map_err(super::io("make", scratch.path()))?;
            let path = scratch.path().to_owned();
            return Ok(Partial { path, file, hasher: Hasher::default(), own: Some(scratch) });
        };
        let mut hasher = Hasher::default();
        let length = hash_file(&mut file, &mut hasher).map_err(super::io("read", &path))?;
        if length >= size {
            file.set_len(0).map_err(super::io("truncate", &path))?;
            hasher = Hasher::default();
        }
        Ok(Partial { path, file, hasher, own: None })
    }

    fn accept<E>(&self, mut partial: Partial, digest: &Digest, size: u64) -> Result<(), IngestError<E>> {
        // From here on the partial file is either renamed or removed.
        let scratch = partial.own.take().unwrap_or_else(|| Scratch::new(partial.path.clone()));
        let actual = partial.hasher.digest();
        if partial.hasher.length() != size {
            let (digest, actual) = (*digest, partial.hasher.length());
            return Err(IngestError::Store(Error::Size { digest, expected: size, actual }));
        }
        if actual != *digest {
            return Err(IngestError::Store(Error::Digest { expected: *digest, actual }));
        }
        let keep = |path: &Path| -> Result<(), Error> {
            // On disk before the rename: what was fetched for long is not to be lost in a crash.
            let settled = read_only(&partial.file).and_then(|()| partial.file.sync_data());
            settled.map_err(super::io("write", path))?;
            fs::rename(path, self.blob_path(digest)).map_err(super::io("rename", path))
        };
        keep(scratch.path()).map_err(IngestError::Store)?;
        scratch.keep();
        self.is_verified(digest);
        Ok(())
    }
}

impl Partial {
    /// Reads at most one byte more than promised, so that a longer body is seen and never kept.
    fn receive<E>(
        &mut self,
        digest: &Digest,
        size: u64,
        open: Open<'_, E>,
        task: &dyn Task,
    ) -> Result<(), IngestError<E>> {
        let mut reader = open(self.hasher.length()).map_err(IngestError::Open)?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let count = reader.read(&mut buffer).map_err(IngestError::Read)?;
            if count == 0 {
                return Ok(());
            }
            if self.hasher.length() + count as u64 > size {
                drop(fs::remove_file(&self.path));
                let actual = size + 1;
                return Err(IngestError::Store(Error::Size { digest: *digest, expected: size, actual }));
            }
            let bytes = &buffer[..count];
            let written = self.file.write_all(bytes).map_err(super::io("write", &self.path));
            written.map_err(IngestError::Store)?;
            self.hasher.update(bytes);
            task.advance(count as u64);
        }
    }
}

/// Opens and locks a partial file; `None` when another process has it. Between opening and locking, the other may
/// have finished and renamed it: then what is locked is a blob, and must not be touched.
fn locked(path: &Path) -> Result<Option<fs::File>, Error> {
    for _ in 0..8 {
        let mut options = fs::OpenOptions::new();
        let file =
            options.read(true).append(true).create(true).open(path).map_err(super::io("open", path))?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let identity = |meta: &fs::Metadata| (meta.dev(), meta.ino());
        let ours = file.metadata().map_err(super::io("read", path))?;
        if fs::symlink_metadata(path).is_ok_and(|there| identity(&there) == identity(&ours)) {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

pub(super) fn hash_file(file: &mut fs::File, hasher: &mut Hasher) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.length()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    type Nothing = std::convert::Infallible;

    fn take(
        store: &Store,
        bytes: &'static [u8],
        digest: &Digest,
        size: u64,
    ) -> Result<u64, IngestError<Nothing>> {
        let mut from = 0;
        let mut open = |offset: u64| {
            from = offset;
            Ok(Box::new(&bytes[usize::try_from(offset).unwrap()..]) as Box<dyn Read + Send>)
        };
        store.ingest(digest, size, &mut open, &Silent).map(|()| from)
    }

    /// T23: one byte more or fewer than the descriptor promises (ggcr#1044, harbor#22555).
    #[test]
    fn t23_a_short_or_long_body_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = Digest::of(b"layer");
        for body in [&b"laye"[..], b"layer!", b""] {
            let error = take(&store, body, &digest, 5).unwrap_err();
            assert!(matches!(error, IngestError::Store(Error::Size { .. })), "{error:?}");
            assert!(!store.contains(&digest, 5));
        }
        assert!(matches!(
            take(&store, b"lbyer", &digest, 5).unwrap_err(),
            IngestError::Store(Error::Digest { .. })
        ));
        take(&store, b"layer", &digest, 5).unwrap();
        assert!(store.contains(&digest, 5));
        assert_eq!(fs::read_dir(directory.path().join("partial")).unwrap().count(), 0);
    }

    /// Fails after `left` bytes.
    struct Cut(&'static [u8]);

    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut"));
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_cut_download_is_continued_by_the_next_run() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = Digest::of(b"layer");
        let mut open = |_| Ok::<_, Nothing>(Box::new(Cut(b"lay")) as Box<dyn Read + Send>);
        let error = store.ingest(&digest, 5, &mut open, &Silent).unwrap_err();
        assert!(matches!(error, IngestError::Read(_)));
        assert_eq!(take(&store, b"layer", &digest, 5).unwrap(), 3);
    }

    #[test]
    fn a_damaged_leftover_is_fetched_from_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = Digest::of(b"layer");
        fs::write(directory.path().join("partial").join(digest.hex()), b"xyz").unwrap();
        assert_eq!(take(&store, b"layer", &digest, 5).unwrap(), 0);
        assert!(store.contains(&digest, 5));
    }
}
