//! Whether a donor's layer is, entry for entry, what the steps ask for: then it can stand in the result itself.
//!
//! What is compared, and why. A regular file must be this layer's own, taken by a graft to the path that the layer has
//! it at, and a symbolic link must have the target that is asked for, both with all of their metadata. A directory must
//! be one that the steps make, or that the base has, with its owner, mode and attributes; its time is that of the last
//! change in it, which nobody asks for. Every parent must have an entry: engines make those that have none as they like
//! (see `build::parents`). A layer that takes something away, or that has other names of one file, devices or pipes, is
//! never what steps ask for: they write none.

use std::collections::BTreeSet;

use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Place;
use crate::edit::What;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::Rootfs;

/// The donors' layers that grafts take files from: the donor's name and the layer's number.
#[must_use]
pub fn grafted_layers(decided: &Decided) -> BTreeSet<(&str, usize)> {
    let layers = decided.entries.values().filter_map(|decision| match &decision.what {
        What::Graft { from, place, .. } => Some((from.as_str(), place.layer)),
        _ => None,
    });
    layers.collect()
}

/// Whether layer `number` of the donor `from`, which holds `layer`, put on the base does what the steps ask for at each
/// of its paths, and nothing else. Depends on trees and the recipe alone; no content is looked at.
#[must_use]
pub fn is_asked_for(
    decided: &Decided,
    base: &Rootfs,
    (from, number): (&str, usize),
    layer: &Changeset,
) -> bool {
    let is_ours = |place: &Place, offset: u64, size: u64| *place == Place { layer: number, offset, size };
    let fits = |(path, entry): (&ImagePath, &Entry)| {
        let Some(asked) = decided.entries.get(path) else {
            return is_as_before(base, path, entry);
        };
        match (&entry.node, &asked.what) {
            (Node::Directory, What::Directory) => looks_alike(&asked.meta, &entry.meta),
            (Node::File(Content::InLayer { offset, size }), What::Graft { from: donor, place, .. }) => {
                donor == from && is_ours(place, *offset, *size) && is_alone(asked, base, path, &entry.meta)
            }
            (Node::Symlink(target), What::Symlink(wanted)) => target == wanted && asked.meta == entry.meta,
            _ => false,
        }
    };
    let has_parents =
        |path: &ImagePath| path.ancestors().iter().all(|above| above.is_root() || is_directory(layer, above));
    layer.removals.is_empty()
        && layer.opaque.is_empty()
        && layer.upserts.keys().all(has_parents)
        && layer.upserts.iter().all(fits)
}

/// Whether an entry that nobody asks for is a directory of the base, as it is there.
fn is_as_before(base: &Rootfs, path: &ImagePath, entry: &Entry) -> bool {
    entry.node == Node::Directory
        && base
            .get(path)
            .is_some_and(|old| old.entry.node == Node::Directory && looks_alike(&old.entry.meta, &entry.meta))
}

fn is_directory(layer: &Changeset, path: &ImagePath) -> bool {
    layer.upserts.get(path).is_some_and(|entry| entry.node == Node::Directory)
}

/// Whether a grafted file is to look as it does in the layer, and no other name of the base has to follow it.
fn is_alone(decision: &Decision, base: &Rootfs, path: &ImagePath, meta: &Meta) -> bool {
    decision.meta == *meta && (!decision.replace_aliases || base.aliases(path).is_empty())
}

/// Whether two directories differ in their times at most.
fn looks_alike(one: &Meta, other: &Meta) -> bool {
    let looks = |meta: &Meta| (meta.mode, meta.uid, meta.gid, meta.xattrs.clone());
    looks(one) == looks(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RecipeSpot;

    fn path(text: &str) -> ImagePath {
        ImagePath::absolute(text).unwrap()
    }

    fn directory(mode: u32, mtime: i64) -> Entry {
        Entry { meta: Meta { mtime, ..Meta::root(mode) }, node: Node::Directory }
    }

    fn file(offset: u64, mode: u32) -> Entry {
        Entry { meta: Meta::root(mode), node: Node::File(Content::InLayer { offset, size: 4 }) }
    }

    fn layer(entries: &[(&str, Entry)]) -> Changeset {
        let upserts = entries.iter().map(|(name, entry)| (path(name), entry.clone())).collect();
        Changeset { upserts, ..Changeset::default() }
    }

    fn base() -> Rootfs {
        let below = layer(&[("/opt", directory(0o755, 1)), ("/opt/old", file(0, 0o644))]);
        Rootfs::fold(0, &[&below], true).unwrap()
    }

    /// Two files of layer 3 of `donor`, one of them in a new directory.
    fn decided() -> Decided {
        let spot = RecipeSpot { file: "r".to_owned(), line: 1, column: 1 };
        let mut decided = Decided::default();
        for (name, offset) in [("/opt/old", 512), ("/opt/new/x", 2048)] {
            let place = Place { layer: 3, offset, size: 4 };
            let what = What::Graft { from: "donor".to_owned(), path: path(name), place };
            decided.entries.insert(path(name), Decision::new(spot.clone(), Meta::root(0o644), what));
        }
        let new = Decision::new(spot, Meta::root(0o700), What::Directory);
        decided.entries.insert(path("/opt/new"), new);
        decided
    }

    fn exact() -> Vec<(&'static str, Entry)> {
        vec![
            ("/opt", directory(0o755, 99)),
            ("/opt/old", file(512, 0o644)),
            ("/opt/new", directory(0o700, 98)),
            ("/opt/new/x", file(2048, 0o644)),
        ]
    }

    fn asked(layer: &Changeset) -> bool {
        is_asked_for(&decided(), &base(), ("donor", 3), layer)
    }

    #[test]
    fn only_what_is_asked_for_entry_for_entry_is_taken_whole() {
        assert!(asked(&layer(&exact())), "times of directories are nobody's wish");
        assert_eq!(grafted_layers(&decided()), BTreeSet::from([("donor", 3)]));
        let with = |name: &'static str, entry: Entry| {
            let mut entries = exact();
            entries.retain(|(other, _)| *other != name);
            entries.push((name, entry));
            asked(&layer(&entries))
        };
        assert!(!with("/opt/more", file(4096, 0o644)), "a file that nobody asks for");
        assert!(!with("/opt/old", file(512, 0o600)), "another mode");
        assert!(!with("/opt/old", file(1024, 0o644)), "another file of the layer under this name");
        assert!(!with("/opt", directory(0o700, 1)), "the base's directory would change");
        assert!(!with("/opt/new", directory(0o755, 98)), "another mode of a new directory");
        assert!(!with("/opt/empty", directory(0o755, 1)), "a directory that nobody asks for");
        let link = Entry { meta: Meta::root(0o644), node: Node::Hardlink(path("/opt/old")) };
        assert!(!with("/opt/new/x", link), "another name of one file");
        let no_parent: Vec<_> = exact().into_iter().filter(|(name, _)| *name != "/opt").collect();
        assert!(!asked(&layer(&no_parent)), "a parent without an entry");
    }

    #[test]
    fn a_layer_that_takes_something_away_is_never_asked_for() {
        let mut whiteout = layer(&exact());
        whiteout.removals.insert(path("/opt/gone"));
        let mut opaque = layer(&exact());
        opaque.opaque.insert(path("/opt/new"));
        assert!(!asked(&whiteout) && !asked(&opaque));
        assert!(!is_asked_for(&decided(), &base(), ("donor", 2), &layer(&exact())), "another layer's file");
        assert!(!is_asked_for(&decided(), &base(), ("other", 3), &layer(&exact())), "another donor's file");
    }
}
