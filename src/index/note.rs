//! How an index and symbols are kept in the store. A note that cannot be read is as good as none.

use std::collections::BTreeMap;

use super::LayerIndex;
use super::pass::Learned;
use super::remembered::Stamp;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::store;
use crate::store::Store;

/// Kinds of notes; the number changes with the meaning of the bytes. Those of layers and trees change with all others:
/// whoever has one relies on the notes of its files.
const LAYERS: &str = "layers-7";
const SYMBOLS: &str = "symbols-5";
const TRAITS: &str = "traits-3";
const TREES: &str = "trees-1";
/// Longest note that is believed to be one: the biggest libraries have a tenth of this.
const LONGEST: usize = 1 << 30;

pub(super) fn load_layer(store: &Store, blob: &Digest) -> Option<LayerIndex> {
    load(store, LAYERS, blob)
}

pub(super) fn save_layer(store: &Store, blob: &Digest, index: &LayerIndex) -> Result<(), store::Error> {
    save(store, LAYERS, blob, index)
}

/// The symbols of the ELF file with this digest, when some layer that was read had it.
#[must_use]
pub fn symbols(store: &Store, file: &Digest) -> Option<Symbols> {
    load(store, SYMBOLS, file)
}

/// The traits of the ELF file with this digest, when some layer that was read had it.
#[must_use]
pub fn traits(store: &Store, file: &Digest) -> Option<Traits> {
    load(store, TRAITS, file)
}

pub(super) fn save_parts(
    store: &Store,
    file: &Digest,
    symbols: &Symbols,
    traits: &Traits,
) -> Result<(), store::Error> {
    save(store, SYMBOLS, file, symbols)?;
    save(store, TRAITS, file, traits)
}

/// Whether both of what [`save_parts`] keeps are there.
pub(super) fn has_parts(store: &Store, file: &Digest) -> bool {
    [SYMBOLS, TRAITS].iter().all(|kind| store.has_note(kind, &file.hex()))
}

/// What is known of the files of an unpacked tree.
pub(super) fn load_tree(store: &Store, root: &Digest) -> Option<BTreeMap<ImagePath, (Stamp, Learned)>> {
    load(store, TREES, root)
}

pub(super) fn save_tree(
    store: &Store,
    root: &Digest,
    files: &BTreeMap<&ImagePath, (&Stamp, &Learned)>,
) -> Result<(), store::Error> {
    save(store, TREES, root, files)
}

fn load<T: serde::de::DeserializeOwned>(store: &Store, kind: &str, name: &Digest) -> Option<T> {
    let bytes = store.load_note(kind, &name.hex())?;
    if bytes.len() > LONGEST {
        return None;
    }
    let (value, rest) = postcard::take_from_bytes(&bytes).ok()?;
    rest.is_empty().then_some(value)
}

fn save<T: serde::Serialize>(
    store: &Store,
    kind: &str,
    name: &Digest,
    value: &T,
) -> Result<(), store::Error> {
    // Only a map of unknown length fails to serialise, and there is none: then nothing is kept.
    match postcard::to_stdvec(value) {
        Ok(bytes) => store.save_note(kind, &name.hex(), &bytes),
        Err(_) => Ok(()),
    }
}
