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
use super::word::Word;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::store;
use crate::store::Store;

/// A kind of notes, by who says what they say.
struct Kind {
    own: &'static str,
    lent: &'static str,
}

/// Kinds of notes; the number changes with the meaning of the bytes. Those of layers and trees change with all others:
/// whoever has one relies on the notes of its files.
const LAYERS: Kind = Kind { own: "layers-12", lent: "lent-layers-12" };
const SYMBOLS: Kind = Kind { own: "symbols-6", lent: "lent-symbols-6" };
const TRAITS: Kind = Kind { own: "traits-6", lent: "lent-traits-6" };
const ACCESS: Kind = Kind { own: "access-2", lent: "lent-access-2" };
const EXTRACTS: Kind = Kind { own: "extracts-3", lent: "lent-extracts-3" };
const TEXTS: Kind = Kind { own: "texts-2", lent: "lent-texts-2" };
const TREES: &str = "trees-4";
/// Windows of restart points compress to a half, file tables to a tenth; levels above this one gain nothing.
const LEVEL: i32 = 9;
/// Changes with the layers' notes, too.
const PARTIAL: &str = "partial-4";
const HASHES: &str = "hashes-2";
/// Tables that layers carry.
const TABLES: &str = "tables-1";
/// Longest note that is believed to be one: the biggest libraries have a tenth of this.
const LONGEST: usize = 1 << 30;
/// Most bytes that a packed note unpacks to.
const MOST: u64 = LONGEST as u64;

impl Kind {
    const fn of(&self, word: Word) -> &'static str {
        match word {
            Word::Own => self.own,
            Word::Lent => self.lent,
        }
    }
}

/// The words that somebody may go by who goes by `word`, the better first: of bytes that a digest names, what was read
/// here is true whoever named the digest.
const fn words(word: Word) -> &'static [Word] {
    match word {
        Word::Own => &[Word::Own],
        Word::Lent => &[Word::Own, Word::Lent],
    }
}

pub(super) fn load_layer(store: &Store, blob: &Digest, word: Word) -> Option<LayerIndex> {
    let index: LayerIndex = unpack(store, LAYERS.of(word), blob)?;
    Some(LayerIndex { word, ..index })
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

pub(super) fn save_layer(store: &Store, blob: &Digest, index: &LayerIndex) -> Result<(), store::Error> {
    pack(store, LAYERS.of(index.word), blob, index)
}

/// Whether others have said what is in a layer.
#[must_use]
pub fn is_lent(store: &Store, blob: &Digest) -> bool {
    store.has_note(LAYERS.lent, &blob.hex())
}

/// Forgets what others say of a layer.
pub(super) fn forget_lent(store: &Store, blob: &Digest) {
    for kind in [LAYERS, ACCESS, TEXTS] {
        store.forget_note(kind.lent, &blob.hex());
    }
}

/// The symbols of the ELF file with this digest, when some layer that was read had it. Who goes by others' words takes
/// theirs where there are no own.
#[must_use]
pub fn symbols(store: &Store, file: &Digest, word: Word) -> Option<Symbols> {
    words(word).iter().find_map(|word| load(store, SYMBOLS.of(*word), file))
}

/// The traits of the ELF file with this digest, as [`symbols`].
#[must_use]
pub fn traits(store: &Store, file: &Digest, word: Word) -> Option<Traits> {
    words(word).iter().find_map(|word| load(store, TRAITS.of(*word), file))
}

pub(super) fn save_parts(
    store: &Store,
    file: &Digest,
    (symbols, traits): (&Symbols, &Traits),
    word: Word,
) -> Result<(), store::Error> {
    save(store, SYMBOLS.of(word), file, symbols)?;
    save(store, TRAITS.of(word), file, traits)
}

/// Where a layer can be read from, when it was read whole before.
pub(super) fn load_access(store: &Store, blob: &Digest, word: Word) -> Option<Access> {
    words(word).iter().find_map(|word| unpack(store, ACCESS.of(*word), blob))
}

/// Whether somebody has said where a layer can be read from.
pub(super) fn has_access(store: &Store, blob: &Digest, word: Word) -> bool {
    store.has_note(ACCESS.of(word), &blob.hex())
}

pub(super) fn save_access(
    store: &Store,
    blob: &Digest,
    access: &Access,
    word: Word,
) -> Result<(), store::Error> {
    pack(store, ACCESS.of(word), blob, access)
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
pub fn texts(store: &Store, blob: &Digest, word: Word) -> BTreeMap<u64, Vec<u8>> {
    unpack(store, TEXTS.of(word), blob).unwrap_or_default()
}

pub(super) fn save_texts(
    store: &Store,
    blob: &Digest,
    texts: &BTreeMap<u64, Vec<u8>>,
    word: Word,
) -> Result<(), store::Error> {
    if texts.is_empty() { Ok(()) } else { pack(store, TEXTS.of(word), blob, texts) }
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

pub(super) fn load_extract(store: &Store, blob: &Digest, offset: u64, word: Word) -> Option<Extract> {
    parse(&store.load_note(EXTRACTS.of(word), &extract_name(blob, offset))?)
}

pub(super) fn save_extract(
    store: &Store,
    blob: &Digest,
    offset: u64,
    extract: &Extract,
    word: Word,
) -> Result<(), store::Error> {
    match postcard::to_stdvec(extract) {
        Ok(bytes) => store.save_note(EXTRACTS.of(word), &extract_name(blob, offset), &bytes),
        Err(_) => Ok(()),
    }
}

fn extract_name(blob: &Digest, offset: u64) -> String {
    format!("{}-{offset}", blob.hex())
}

/// Whether both of what [`save_parts`] keeps are there for somebody who goes by `word`.
pub(super) fn has_parts(store: &Store, file: &Digest, word: Word) -> bool {
    let there = |kind: &Kind| words(word).iter().any(|word| store.has_note(kind.of(*word), &file.hex()));
    [SYMBOLS, TRAITS].iter().all(there)
}

/// Forgets the symbols and traits of this ELF file: what is kept of them cannot be read.
pub(super) fn forget_parts(store: &Store, file: &Digest) {
    for kind in [SYMBOLS, TRAITS].iter().flat_map(|kind| [kind.own, kind.lent]) {
        store.forget_note(kind, &file.hex());
    }
}

/// The hashes of single files of a layer, by offset in its tar and size.
pub(super) fn load_hashes(store: &Store, blob: &Digest) -> BTreeMap<(u64, u64), Digest> {
    load(store, HASHES, blob).unwrap_or_default()
}

pub(super) fn save_hashes(
    store: &Store,
    blob: &Digest,
    hashes: &BTreeMap<(u64, u64), Digest>,
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
