//! The store in the hands of one process: the only value that can remove what others may have looked up.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::store::Error;
use crate::store::Store;
use crate::store::inventory::Item;
use crate::store::io;
use crate::store::leftovers;
use crate::store::prune::Bounds;
use crate::store::prune::Pruned;

/// A store that no other process uses while this value lives.
#[derive(Debug)]
pub struct Keeper {
    pub(super) store: Store,
}

impl Keeper {
    /// Opens the store at `root` as soon as nobody else uses it; others that come wait until this is dropped.
    ///
    /// # Errors
    /// When others use it for longer than `patience`, or it cannot be opened.
    pub fn open(root: &Path, patience: Duration) -> Result<Self, Error> {
        let store = Store::made(root)?;
        store.hold.take(root, patience)?;
        Ok(Self { store })
    }

    /// Removes what was not used for the longest time until the bounds hold, and what killed runs left.
    ///
    /// # Errors
    /// The first file that cannot be removed. Those before it are gone.
    pub fn prune(&self, bounds: &Bounds) -> Result<Pruned, Error> {
        let left = leftovers::sweep(&self.store)?;
        let mut pruned = self.store.would_prune(bounds)?;
        for item in &pruned.removed {
            self.remove(item)?;
        }
        pruned.removed.extend(left);
        Ok(pruned)
    }

    /// Removes a file of the store.
    pub(super) fn remove(&self, item: &Item) -> Result<(), Error> {
        let path = self.store.root.join(&item.path);
        fs::remove_file(&path).map_err(io("remove", &path))
    }
}
