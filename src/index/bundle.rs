//! All that is known of a layer as one sequence of bytes, to be shared with other machines.
//!
//! What comes back is a stranger's word: only who asks for such words hears it. Whether bytes are right is for the lock
//! file to say, or for one full read of the layer, after which its index is this machine's own.
//!
//! A bundle is a zstd stream of frames, each a length (64 bits, little endian) and so many bytes of postcard: first what
//! is known of the layer, then the parts of one ELF file each. No more than one frame is in memory at a time.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::io::Write;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Access;
use super::LayerIndex;
use super::note;
use super::pass::known;
use super::table;
use super::word::Word;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::hint::Hint;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::store;
use crate::store::Store;

/// Most bytes of an unpacked bundle: the symbols of the biggest layers there are have a quarter of it.
const MOST: u64 = 1 << 30;
/// Most bytes of one frame: file tables and the symbols of the biggest libraries have less.
const FRAME: u64 = 128 << 20;
/// Higher levels gain a twentieth and cost tenfold.
const LEVEL: i32 = 9;

/// Why a bundle is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not what this version writes.
    #[error("the shared index of layer `{0}` cannot be understood")]
    Malformed(Digest),
    /// It says what no layer can hold.
    #[error("the shared index of layer `{layer}` has a path that cannot be: `{path}`")]
    Path {
        /// The layer.
        layer: Digest,
        /// The path, as far as it can be shown.
        path: String,
    },
    /// It is of another layer.
    #[error("the shared index of layer `{0}` is of another layer")]
    Other(Digest),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Hint for BundleError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            _ => Some("push it again with this version: `imgforge index push IMAGE REPOSITORY`".to_owned()),
        }
    }
}

/// The first frame.
#[derive(Serialize, Deserialize)]
struct Head {
    layer: LayerIndex,
    access: Option<Access>,
    texts: BTreeMap<u64, Vec<u8>>,
}

/// Every other frame: an ELF file and what is known of it.
type Part = (Digest, Symbols, Traits);

/// Everything that this machine knows of a layer; `None` when it was not read here. The same knowledge gives the same bytes.
#[must_use]
pub fn pack(store: &Store, layer: &Digest) -> Option<Vec<u8>> {
    let index = note::load_layer(store, layer, Word::Own)?;
    let files: BTreeSet<Digest> = index.objects.values().map(|object| object.digest).collect();
    let (access, texts) = (note::load_access(store, layer, Word::Own), note::texts(store, layer, Word::Own));
    let mut out = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).ok()?;
    put(&mut out, &Head { layer: index, access, texts })?;
    for file in files {
        let (symbols, traits) =
            (note::symbols(store, &file, Word::Own)?, note::traits(store, &file, Word::Own)?);
        put::<Part>(&mut out, &(file, symbols, traits))?;
    }
    out.finish().ok()
}

/// Writes one frame.
fn put<T: Serialize>(out: &mut dyn Write, value: &T) -> Option<()> {
    let bytes = postcard::to_stdvec(value).ok()?;
    out.write_all(&(bytes.len() as u64).to_le_bytes()).ok()?;
    out.write_all(&bytes).ok()
}

/// Keeps what a bundle says of a layer as a stranger's word, in the place of what others said before. What this machine
/// knows itself stays.
///
/// # Errors
/// It is not of this version or this layer, or says what cannot be. Nothing is kept then.
pub fn unpack(store: &Store, layer: &Layer, bytes: &[u8]) -> Result<(), BundleError> {
    let digest = layer.descriptor.digest;
    if known(store, layer).is_some() {
        return Ok(());
    }
    let malformed = || BundleError::Malformed(digest);
    let (head, mut parts) = opened(bytes).ok_or_else(malformed)?;
    if head.layer.diff_id != layer.diff_id {
        return Err(BundleError::Other(digest));
    }
    if let Some(path) = impossible(&head.layer) {
        return Err(BundleError::Path { layer: digest, path: path.to_string() });
    }
    if !lies_within(&head.layer) {
        return Err(malformed());
    }
    // Once through to the end first: nothing is kept of a bundle that breaks off.
    while parts.next::<Part>().ok_or_else(malformed)?.is_some() {}
    let (_, mut parts) = opened(bytes).ok_or_else(malformed)?;
    while let Some((file, symbols, traits)) = parts.next::<Part>().ok_or_else(malformed)? {
        if !note::has_parts(store, &file, Word::Own) {
            note::save_parts(store, &file, (&symbols, &traits), Word::Lent)?;
        }
    }
    if let Some(access) = &head.access {
        note::save_access(store, &digest, access, Word::Lent)?;
    }
    note::save_texts(store, &digest, &head.texts, Word::Lent)?;
    Ok(note::save_layer(store, &digest, &LayerIndex { word: Word::Lent, ..head.layer })?)
}

fn opened(bytes: &[u8]) -> Option<(Head, Frames<impl Read>)> {
    let reader = zstd::stream::read::Decoder::new(bytes).ok()?;
    let mut frames = Frames { reader: reader.take(MOST) };
    let head = frames.next()??;
    Some((head, frames))
}

/// The frames of a bundle, one after another.
struct Frames<R> {
    reader: R,
}

impl<R: Read> Frames<R> {
    /// The next frame; `Some(None)` at the end, `None` where there is none that can be read.
    #[expect(clippy::option_option, reason = "an end that is none is no end")]
    fn next<T: DeserializeOwned>(&mut self) -> Option<Option<T>> {
        let mut length = Vec::with_capacity(8);
        self.reader.by_ref().take(8).read_to_end(&mut length).ok()?;
        if length.is_empty() {
            return Some(None);
        }
        let length = u64::from_le_bytes(length.try_into().ok()?);
        let mut bytes = Vec::new();
        self.reader.by_ref().take(length.min(FRAME + 1)).read_to_end(&mut bytes).ok()?;
        if length > FRAME || bytes.len() as u64 != length {
            return None;
        }
        let (value, rest) = postcard::take_from_bytes(&bytes).ok()?;
        rest.is_empty().then_some(Some(value))
    }
}

/// Whether every file is inside the tar, which is no longer than tars are.
fn lies_within(index: &LayerIndex) -> bool {
    let inside = |node: &Node| match node {
        Node::File(Content::InLayer { offset, size }) => {
            offset.checked_add(*size).is_some_and(|end| end <= index.uncompressed_size)
        }
        _ => true,
    };
    !table::is_listed(index.uncompressed_size)
        && index.changeset.upserts.values().all(|entry| inside(&entry.node))
}

/// A path that no decoder of layers would have made, or something below what is no directory.
fn impossible(index: &LayerIndex) -> Option<&ImagePath> {
    let Changeset { upserts, removals, opaque } = &index.changeset;
    let links = upserts.values().filter_map(|entry| match &entry.node {
        Node::Hardlink(target) => Some(target),
        _ => None,
    });
    let facts = index.objects.keys().chain(index.kept.keys()).chain(index.scripts.keys());
    let mut all = upserts.keys().chain(removals).chain(opaque).chain(links).chain(facts);
    let odd = |path: &&ImagePath| ImagePath::from_tar(path.as_bytes()).as_ref() != Ok(*path);
    let below = |path: &&ImagePath| {
        path.ancestors()
            .iter()
            .any(|above| upserts.get(above).is_some_and(|entry| entry.node != Node::Directory))
    };
    all.find(odd).or_else(|| upserts.keys().find(below))
}
