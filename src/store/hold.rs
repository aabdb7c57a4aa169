//! Who uses the store. Every process that does holds the file `lock` shared; who removes blobs holds it alone, so
//! that nothing that was looked up vanishes before it is read.
//!
//! flock(2): the lock ends with its process, however that ends, and holds across containers that share the directory.

use std::fs;
use std::fs::TryLockError;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::store::Error;
use crate::store::io;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// A wait this long is worth telling: others hold the store alone for a moment when they begin.
const TOLD: Duration = Duration::from_millis(500);

/// A share of the store, or all of it. Given back when dropped.
#[derive(Debug)]
pub(super) struct Hold {
    /// `None` where the directory takes no lock file: what cannot be written to cannot be pruned.
    file: Option<fs::File>,
}

impl Hold {
    /// Opens the lock file of the store at `root`; nothing is held yet.
    pub(super) fn new(root: &Path) -> Self {
        let path = root.join(super::LOCK);
        let writable = fs::OpenOptions::new().read(true).append(true).create(true).open(&path);
        Self { file: writable.or_else(|_| fs::File::open(&path)).ok() }
    }

    /// Does `work` if nobody else uses the store, and while nobody does.
    pub(super) fn if_alone(&self, work: impl FnOnce()) {
        if let Some(file) = &self.file
            && file.try_lock().is_ok()
        {
            work();
            drop(file.unlock());
        }
    }

    /// Takes a share; waits for who has it alone, and calls `tell` once when that takes long.
    pub(super) fn share(&self, tell: &mut dyn FnMut()) {
        let Some(file) = &self.file else {
            return;
        };
        let begun = Instant::now();
        while matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            if begun.elapsed() > TOLD {
                tell();
                // A file system without locks gives none to anybody: nobody there has the store alone.
                drop(file.lock_shared());
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Takes all of it.
    ///
    /// # Errors
    /// When others use it for longer than `patience`, or the file system knows no locks.
    pub(super) fn take(&self, root: &Path, patience: Duration) -> Result<(), Error> {
        let path = root.join(super::LOCK);
        let Some(file) = &self.file else {
            return Err(io("lock", &path)(std::io::ErrorKind::ReadOnlyFilesystem.into()));
        };
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                    return Err(Error::Busy { root: root.to_owned(), waited: patience });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }
}
