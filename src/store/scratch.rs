//! Temporary files and directories, and how they go when the process is interrupted.
//!
//! A signal handler cannot run destructors, so every temporary path is also kept in one list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A panic while the list was held cannot leave it half-changed: each use is one call.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that is removed, with all below it, when this value is dropped or [`sweep`] is called.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Takes charge of `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        live().insert(path.clone());
        Self { path }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives up charge: the path stays, or was renamed away.
    pub fn keep(self) {
        live().remove(&self.path);
        std::mem::forget(self);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        live().remove(&self.path);
        remove(&self.path);
    }
}

/// Removes every path in charge. Called when the process is told to end: nothing half-made stays.
pub fn sweep() {
    for path in std::mem::take(&mut *live()) {
        remove(&path);
    }
}

/// Best effort: a path that cannot be removed now is a leftover in `tmp/`, never a wrong result.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        drop(fs::remove_dir_all(path));
    }
}
