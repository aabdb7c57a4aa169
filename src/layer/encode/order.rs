//! The order of entries in a layer, and what no layer may hold.

use std::collections::BTreeMap;

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::ImagePath;

use super::error::Error;

/// One thing to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An entry.
    Entry(&'a ImagePath, &'a Entry),
    /// A marker: its path, with the `.wh.` name.
    Marker(ImagePath),
}

/// What is said inside of one directory, in the order in which it is written.
#[derive(Default)]
struct Spot<'a> {
    entry: Option<&'a Entry>,
    opaque: bool,
    removals: Vec<&'a [u8]>,
}

/// The entries of `changes` in the one order they are written in: by path, a directory followed by its
/// opaque marker, its whiteouts and then what is in it; hard links last, after every file that they may name.
///
/// A removal of a path that the layer makes again is never written as a whiteout: engines on overlayfs put a
/// directory in the whiteout's place and so bring the removed content back. A directory becomes opaque
/// instead, and anything else hides what was there by itself. A removal below a removed path says nothing
/// new and would make engines create the directory that it is in: it is left out.
pub(super) fn order(changes: &Changeset) -> Result<Vec<Item<'_>>, Error> {
    check(changes)?;
    let mut spots: BTreeMap<ImagePath, Spot<'_>> = BTreeMap::new();
    let mut links = Vec::new();
    for (path, entry) in &changes.upserts {
        if let Node::Hardlink(_) = entry.node {
            links.push(Item::Entry(path, entry));
        } else {
            spots.entry(path.clone()).or_default().entry = Some(entry);
        }
    }
    for path in &changes.opaque {
        spots.entry(path.clone()).or_default().opaque = true;
    }
    for path in &changes.removals {
        let made_again = changes.upserts.get(path).map(|entry| &entry.node);
        let parent = path.parent().ok_or(Error::Root)?;
        match made_again {
            Some(Node::Directory) => spots.entry(path.clone()).or_default().opaque = true,
            Some(_) => {}
            None if within_removed(changes, path) => {}
            None => spots.entry(parent).or_default().removals.push(path.name()),
        }
    }
    let mut items = Vec::new();
    for (path, spot) in spots {
        if let Some((path, entry)) = changes.upserts.get_key_value(&path).filter(|_| spot.entry.is_some()) {
            items.push(Item::Entry(path, entry));
        }
        if spot.opaque {
            items.push(marker(&path, b".wh..opq")?);
        }
        for name in spot.removals {
            items.push(marker(&path, name)?);
        }
    }
    items.extend(links);
    Ok(items)
}

fn marker<'a>(directory: &ImagePath, name: &[u8]) -> Result<Item<'a>, Error> {
    let reserved = || Error::Reserved { path: directory.clone() };
    let path = directory.join([b".wh.", name].concat()).map_err(|_| reserved())?;
    Ok(Item::Marker(path))
}

fn within_removed(changes: &Changeset, path: &ImagePath) -> bool {
    path.ancestors().iter().any(|above| changes.removals.contains(above))
}

/// Finds what no order could make right.
fn check(changes: &Changeset) -> Result<(), Error> {
    if changes.removals.contains(&ImagePath::root()) {
        return Err(Error::Root);
    }
    for (path, entry) in &changes.upserts {
        check_above(changes, path)?;
        if let Node::Hardlink(target) = &entry.node {
            let brought = changes.upserts.get(target).map(|entry| &entry.node);
            if !matches!(brought, Some(Node::File(_))) {
                return Err(Error::Hardlink { path: path.clone(), target: target.clone() });
            }
        }
        if path.is_root() && entry.node != Node::Directory {
            return Err(Error::Root);
        }
    }
    changes.removals.iter().try_for_each(|path| check_name_and_files(changes, path))?;
    for path in &changes.opaque {
        check_above(changes, path)?;
        if changes.upserts.get(path).is_some_and(|entry| entry.node != Node::Directory) {
            return Err(Error::Below { path: path.clone(), above: path.clone() });
        }
    }
    Ok(())
}

/// An entry needs every path above it to stay a directory.
fn check_above(changes: &Changeset, path: &ImagePath) -> Result<(), Error> {
    check_name_and_files(changes, path)?;
    for above in path.ancestors() {
        if changes.removals.contains(&above) && !changes.upserts.contains_key(&above) {
            return Err(Error::Below { path: path.clone(), above });
        }
    }
    Ok(())
}

fn check_name_and_files(changes: &Changeset, path: &ImagePath) -> Result<(), Error> {
    if path.components().any(|part| part.starts_with(b".wh.")) {
        return Err(Error::Reserved { path: path.clone() });
    }
    for above in path.ancestors() {
        if changes.upserts.get(&above).is_some_and(|entry| entry.node != Node::Directory) {
            return Err(Error::Below { path: path.clone(), above });
        }
    }
    Ok(())
}
