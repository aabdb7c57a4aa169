//! What killed runs left in `tmp/`.
//!
//! Names in `tmp/` carry process ids, which say nothing: in another container the same number is another process, or
//! none that can be seen from here. So nothing is judged by itself. Whoever has the store alone knows that no process
//! uses it, and then all that is in `tmp/` is left over.

use std::fs;

use crate::store::Error;
use crate::store::Store;
use crate::store::inventory::Item;
use crate::store::inventory::Kind;
use crate::store::io;

/// Removes all that is in `tmp/`. Only for who has the store alone.
///
/// # Errors
/// The first that cannot be removed; the others before it are gone.
pub(super) fn sweep(store: &Store) -> Result<Vec<Item>, Error> {
    let found: Vec<Item> =
        store.inventory()?.into_iter().filter(|item| item.kind == Kind::Leftovers).collect();
    for entry in fs::read_dir(store.temporary()).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(io("remove", &path))?;
    }
    Ok(found)
}
