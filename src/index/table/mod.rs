//! Tables of contents: those that layers carry themselves, of zstd:chunked and eStargz, and SOCI's, which lie beside.
//!
//! A carried table's digest is in an annotation of the layer's descriptor, so it is as good as the image's author's word. It
//! may list other things than the tar that the layer's digest and `diff_id` name, and it has no facts of ELF files. So
//! it finds files whose digests are known from elsewhere, and lists names; it never says that bytes are right, and it
//! is no index. Whatever is wrong with a table, there is none: the layer is read instead.

mod entries;
mod flat;
mod place;
pub mod soci;
mod take;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::LayerIndex;
use super::OpenRange;
use super::Word;
use super::note;
use crate::layer::Changeset;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::store::Store;

pub use take::take;

use place::Place;

/// Offsets that a table gives begin here: no tar is as long, so they are never taken for places in one.
const BASE: u64 = 1 << 55;
/// Most bytes of a table, packed or not: three times what the biggest images have.
const MOST: u64 = 64 << 20;

/// What a layer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The digest that the descriptor names the table by.
    digest: Digest,
    /// What the layer adds and hides, it says. Offsets of files are places behind [`BASE`], which only [`take()`]
    /// understands: the tar's own are not told.
    changeset: Changeset,
    /// Where files are, in the order of the blob and of the offsets.
    members: Vec<Member>,
}

/// A gzip member or Zstandard frame that files begin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    /// Offset of its first byte in the blob.
    start: u64,
    /// Offset in the blob where the last of these files has ended; members that follow may be before that.
    end: u64,
    /// The offset that the first byte which comes of it has in the changeset.
    out: u64,
}

/// Whether the layer says that it carries a table.
#[must_use]
pub fn is_promised(layer: &Layer) -> bool {
    Place::of(layer).is_some()
}

/// Whether an offset of a file is a table's, and none of a tar.
#[must_use]
pub const fn is_listed(offset: u64) -> bool {
    offset >= BASE
}

/// The table of a layer, from the store or by reading its part of the blob; `None` when there is none that can be used.
pub fn obtain<E>(store: &Store, layer: &Layer, open: OpenRange<'_, E>) -> Option<Table> {
    let place = Place::of(layer)?;
    let digest = layer.descriptor.digest;
    // Another image may name another table of the same blob.
    if let Some(known) = note::load_table(store, &digest).filter(|known| known.digest == *place.digest()) {
        return Some(known);
    }
    let (json, end) = place.read(layer.descriptor.size, open)?;
    let (changeset, members) = entries::parse(&json, end)?;
    let table = Table { digest: *place.digest(), changeset, members };
    // What cannot be kept is read again.
    drop(note::save_table(store, &digest, &table));
    Some(table)
}

impl Table {
    /// The table in an index' place, for trees: with names and no facts.
    #[must_use]
    pub fn into_index(self, layer: &Layer) -> LayerIndex {
        LayerIndex::listed(self.changeset, layer)
    }
}

impl LayerIndex {
    /// What somebody lists of a layer: names without facts.
    fn listed(changeset: Changeset, layer: &Layer) -> Self {
        Self {
            changeset,
            objects: BTreeMap::new(),
            kept: BTreeMap::new(),
            scripts: BTreeMap::new(),
            diff_id: layer.diff_id,
            uncompressed_size: 0,
            word: Word::Lent,
        }
    }
}
