//! Donor layers that stand in the result as they are: nothing is spliced, and where the result goes to the registry
//! that the donor is in, nothing is sent.
//!
//! Whether a layer is taken whole follows from the manifests, the file tables and the recipe: never from what is in the
//! cache or from where the result goes, so the same inputs give the same bytes.

use std::collections::BTreeMap;

use crate::build::Fetched;
use crate::build::Locked;
use crate::build::origin::Tree;
use crate::edit::Decided;
use crate::edit::whole::grafted_layers;
use crate::edit::whole::is_asked_for;
use crate::layer::Changeset;
use crate::layer::Node;
use crate::oci::Compression;
use crate::oci::Descriptor;
use crate::oci::DiffId;
use crate::oci::Image;
use crate::oci::ImagePath;
use crate::oci::media_type;
use crate::rootfs::Rootfs;

/// The most layers that an image may have for Docker to run it (moby `layer.maxLayerDepth`, 125, without the two of a
/// container's own).
const MOST_LAYERS: usize = 125;

/// A donor's layer that is taken whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The donor.
    pub from: String,
    /// The layer's number in it.
    pub number: usize,
    /// The blob: the donor's own descriptor, named in the base's family of media types.
    pub descriptor: Descriptor,
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// How many entries it has.
    pub entries: usize,
}

/// The layers that can be taken whole, in the order of the donors' names and from the bottom. `donors` has the layers
/// that grafts take from.
#[must_use]
pub fn find(
    locked: &Locked,
    decided: &Decided,
    base: &Rootfs,
    donors: &BTreeMap<String, Tree>,
) -> Vec<Whole> {
    let image = &locked.base.image;
    let room = MOST_LAYERS.saturating_sub(image.manifest.layers.len() + 1);
    let layers = grafted_layers(decided).into_iter().filter_map(|(from, number)| {
        let changes = &donors.get(from)?.indexes.get(&number)?.changeset;
        if !is_asked_for(decided, base, (from, number), changes) {
            return None;
        }
        let layer = locked.donors.get(from)?.image.layers().into_iter().nth(number)?;
        let descriptor = named(&layer.descriptor, image)?;
        let entries = changes.upserts.len();
        Some(Whole { from: from.to_owned(), number, descriptor, diff_id: layer.diff_id, entries })
    });
    layers.take(room).collect()
}

/// The descriptor as the base's manifest can have it; `None` where that has no name for it, where the blob may not be
/// distributed, or where it is not gzip and the base has nothing like it: then the result is no longer read by all who
/// read the base (zstd), or larger than it has to be (no compression).
fn named(layer: &Descriptor, base: &Image) -> Option<Descriptor> {
    let compression = |layer: &Descriptor| media_type::layer_compression(&layer.media_type);
    let own = compression(layer)?;
    let known =
        own == Compression::Gzip || base.manifest.layers.iter().any(|layer| compression(layer) == Some(own));
    if media_type::is_foreign(&layer.media_type) || !known {
        return None;
    }
    let media_type = base.manifest.family.layer(own)?;
    Some(Descriptor { media_type: media_type.to_owned(), platform: None, ..layer.clone() })
}

/// The layers that a build takes whole, and what is left of its changes, of which `full` has all parents.
///
/// A layer that would change nothing is not taken. Where others say what a layer holds, a lock file says what must come
/// of it.
pub(super) fn take(fetched: &Fetched, changes: &Changeset, full: &Changeset) -> (Vec<Whole>, Changeset) {
    let (decided, base) = (&fetched.decided, &fetched.base.rootfs);
    let mut rest = changes.clone();
    let mut taken = Vec::new();
    for whole in find(&fetched.locked, decided, base, &fetched.donors) {
        let tree = fetched.donors.get(&whole.from);
        let Some(index) = tree.and_then(|tree| tree.indexes.get(&whole.number)) else { continue };
        let layer = &index.changeset;
        let brings = |path| rest.upserts.get(path).is_some_and(|entry| entry.node != Node::Directory);
        if layer.upserts.keys().any(brings) {
            rest.upserts.retain(|path, _| !layer.upserts.contains_key(path));
            taken.push(whole);
        }
    }
    add_parents(&mut rest, full);
    (taken, rest)
}

/// Adds the parents of all that is left, as they are in `full`.
fn add_parents(rest: &mut Changeset, full: &Changeset) {
    let paths = rest.upserts.keys().chain(&rest.removals);
    let parents: Vec<_> = paths.flat_map(ImagePath::ancestors).collect();
    for parent in parents {
        if let Some(entry) = full.upserts.get(&parent) {
            rest.upserts.entry(parent).or_insert_with(|| entry.clone());
        }
    }
}
