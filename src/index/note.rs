//! How an index and symbols are kept in the store. A note that cannot be read is as good as none.

use std::collections::BTreeMap;
use std::io::Read;

use super::Access;
use super::Extract;
use super::LayerIndex;
use super::learned::Learned;
use super::partial::Partial;
use super::remembered::Stamp;
use super::table::Table;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::store;
use crate::store::Store;

/// Kinds of notes; the number changes with the meaning of the bytes. Those of layers and trees change with all others:
/// whoever has one relies on the notes of its files.
const LAYERS: &str = "layers-10";
const SYMBOLS: &str = "symbols-5";
const TRAITS: &str = "traits-4";
const TREES: &str = "trees-2";
const ACCESS: &str = "access-1";
const EXTRACTS: &str = "extracts-2";
const TEXTS: &str = "texts-1";
/// Windows of restart points compress to a half, file tables to a tenth; levels above this one gain nothing.
const LEVEL: i32 = 9;
/// Layers whose index came from elsewhere.
const FOREIGN: &str = "foreign-1";
/// Changes with the layers' notes, too.
const PARTIAL: &str = "partial-2";
const HASHES: &str = "hashes-1";
/// Tables that layers carry.
const TABLES: &str = "tables-1";
/// Longest note that is believed to be one: the biggest libraries have a tenth of this.
const LONGEST: usize = 1 << 30;
/// Most bytes that a packed note unpacks to.
const MOST: u64 = LONGEST as u64;

pub(super) fn load_layer(store: &Store, blob: &Digest) -> Option<LayerIndex> {
    unpack(store, LAYERS, blob)
}

/// Says that what is kept of this layer is a stranger's word.
pub(super) fn mark_foreign(store: &Store, blob: &Digest) -> Result<(), store::Error> {
    store.save_note(FOREIGN, &blob.hex(), &[])
}

/// Says that this machine has read the layer itself.
pub(super) fn mark_own(store: &Store, blob: &Digest) {
    store.forget_note(FOREIGN, &blob.hex());
}

/// Whether what is kept of this layer is a stranger's word, that may not say which bytes are right.
#[must_use]
pub fn is_foreign(store: &Store, blob: &Digest) -> bool {
    store.load_note(FOREIGN, &blob.hex()).is_some()
}

/// What a pass that was cut off has left.
pub(super) fn load_partial(store: &Store, blob: &Digest) -> Option<Partial> {
    unpack(store, PARTIAL, blob)
}

pub(super) fn save_partial(store: &Store, blob: &Digest, partial: &Partial) -> Result<(), store::Error> {
    pack(store, PARTIAL, blob, partial)
}

pub(super) fn forget_partial(store: &Store, blob: &Digest) {
    store.forget_note(PARTIAL, &blob.hex());
}

/// Forgets what is in a layer: it is read again when that is asked for.
pub fn forget(store: &Store, blob: &Digest) {
    store.forget_note(LAYERS, &blob.hex());
}

pub(super) fn save_layer(store: &Store, blob: &Digest, index: &LayerIndex) -> Result<(), store::Error> {
    pack(store, LAYERS, blob, index)
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

/// Where a layer can be read from, when it was read whole before.
pub(super) fn load_access(store: &Store, blob: &Digest) -> Option<Access> {
    unpack(store, ACCESS, blob)
}

pub(super) fn save_access(store: &Store, blob: &Digest, access: &Access) -> Result<(), store::Error> {
    pack(store, ACCESS, blob, access)
}

/// The table of contents that a layer carries, when it was read before.
pub(super) fn load_table(store: &Store, blob: &Digest) -> Option<Table> {
    unpack(store, TABLES, blob)
}

pub(super) fn save_table(store: &Store, blob: &Digest, table: &Table) -> Result<(), store::Error> {
    pack(store, TABLES, blob, table)
}

pub(super) fn forget_table(store: &Store, blob: &Digest) {
    store.forget_note(TABLES, &blob.hex());
}

/// Small texts of a layer that builds ask for, by offset in its tar: RECORDs of wheels, which are many and of which
/// one is wanted that only all of them tell.
#[must_use]
pub fn texts(store: &Store, blob: &Digest) -> BTreeMap<u64, Vec<u8>> {
    unpack(store, TEXTS, blob).unwrap_or_default()
}

pub(super) fn save_texts(
    store: &Store,
    blob: &Digest,
    texts: &BTreeMap<u64, Vec<u8>>,
) -> Result<(), store::Error> {
    if texts.is_empty() { Ok(()) } else { pack(store, TEXTS, blob, texts) }
}

fn unpack<T: serde::de::DeserializeOwned>(store: &Store, kind: &str, name: &Digest) -> Option<T> {
    let packed = store.load_note(kind, &name.hex())?;
    let mut bytes = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(packed.as_slice()).ok()?;
    unpacked.take(MOST + 1).read_to_end(&mut bytes).ok()?;
    parse(&bytes)
}

fn pack<T: serde::Serialize>(
    store: &Store,
    kind: &str,
    name: &Digest,
    value: &T,
) -> Result<(), store::Error> {
    let packed = postcard::to_stdvec(value).ok().and_then(|bytes| zstd::bulk::compress(&bytes, LEVEL).ok());
    packed.map_or(Ok(()), |packed| store.save_note(kind, &name.hex(), &packed))
}

pub(super) fn load_extract(store: &Store, blob: &Digest, offset: u64) -> Option<Extract> {
    parse(&store.load_note(EXTRACTS, &extract_name(blob, offset))?)
}

pub(super) fn save_extract(
    store: &Store,
    blob: &Digest,
    offset: u64,
    extract: &Extract,
) -> Result<(), store::Error> {
    match postcard::to_stdvec(extract) {
        Ok(bytes) => store.save_note(EXTRACTS, &extract_name(blob, offset), &bytes),
        Err(_) => Ok(()),
    }
}

fn extract_name(blob: &Digest, offset: u64) -> String {
    format!("{}-{offset}", blob.hex())
}

/// Whether both of what [`save_parts`] keeps are there.
pub(super) fn has_parts(store: &Store, file: &Digest) -> bool {
    [SYMBOLS, TRAITS].iter().all(|kind| store.has_note(kind, &file.hex()))
}

/// Forgets the symbols and traits of this ELF file: what is kept of them cannot be read.
pub(super) fn forget_parts(store: &Store, file: &Digest) {
    for kind in [SYMBOLS, TRAITS] {
        store.forget_note(kind, &file.hex());
    }
}

/// The hashes of single files of a layer, by offset in its tar.
pub(super) fn load_hashes(store: &Store, blob: &Digest) -> BTreeMap<u64, Digest> {
    load(store, HASHES, blob).unwrap_or_default()
}

pub(super) fn save_hashes(
    store: &Store,
    blob: &Digest,
    hashes: &BTreeMap<u64, Digest>,
) -> Result<(), store::Error> {
    save(store, HASHES, blob, hashes)
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
    parse(&store.load_note(kind, &name.hex())?)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > LONGEST {
        return None;
    }
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
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
