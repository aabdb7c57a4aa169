//! All that is known of a layer as one sequence of bytes, to be shared with other machines.
//!
//! What comes back is a stranger's word: it may be used to find things, and never to say that bytes are right. That
//! is for the lock file, or for one full read of the layer, after which its index is this machine's own.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use super::Access;
use super::LayerIndex;
use super::note;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::hint::Hint;
use crate::layer::Changeset;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::store;
use crate::store::Store;

/// Most bytes of an unpacked bundle: the symbols of the biggest layers there are have a quarter of it.
const MOST: u64 = 1 << 30;
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

#[derive(Serialize, Deserialize)]
struct Bundle {
    layer: LayerIndex,
    access: Option<Access>,
    texts: BTreeMap<u64, Vec<u8>>,
    parts: BTreeMap<Digest, (Symbols, Traits)>,
}

/// Everything that is known of a layer; `None` when it was not read yet. The same knowledge gives the same bytes.
#[must_use]
pub fn pack(store: &Store, layer: &Digest) -> Option<Vec<u8>> {
    let index = note::load_layer(store, layer)?;
    let parts = index.objects.values().map(|object| {
        let (symbols, traits) = (note::symbols(store, &object.digest)?, note::traits(store, &object.digest)?);
        Some((object.digest, (symbols, traits)))
    });
    let parts = parts.collect::<Option<_>>()?;
    let (access, texts) = (note::load_access(store, layer), note::texts(store, layer));
    let bundle = Bundle { layer: index, access, texts, parts };
    zstd::bulk::compress(&postcard::to_stdvec(&bundle).ok()?, LEVEL).ok()
}

/// Keeps what a bundle says of a layer, marked as a stranger's word. What this machine knows itself stays.
///
/// # Errors
/// It is not of this version or this layer, or says what cannot be. Nothing is kept then.
pub fn unpack(store: &Store, layer: &Layer, bytes: &[u8]) -> Result<(), BundleError> {
    let digest = layer.descriptor.digest;
    if note::load_layer(store, &digest).is_some() {
        return Ok(());
    }
    let bundle = parse(bytes).ok_or(BundleError::Malformed(digest))?;
    if bundle.layer.diff_id != layer.diff_id {
        return Err(BundleError::Other(digest));
    }
    if let Some(path) = impossible(&bundle.layer) {
        return Err(BundleError::Path { layer: digest, path: path.to_string() });
    }
    note::mark_foreign(store, &digest)?;
    for (file, (symbols, traits)) in &bundle.parts {
        if !note::has_parts(store, file) {
            note::save_parts(store, file, symbols, traits)?;
        }
    }
    if let Some(access) = &bundle.access {
        note::save_access(store, &digest, access)?;
    }
    note::save_texts(store, &digest, &bundle.texts)?;
    Ok(note::save_layer(store, &digest, &bundle.layer)?)
}

fn parse(bytes: &[u8]) -> Option<Bundle> {
    let mut unpacked = Vec::new();
    let reader = zstd::stream::read::Decoder::new(bytes).ok()?;
    reader.take(MOST + 1).read_to_end(&mut unpacked).ok()?;
    if unpacked.len() as u64 > MOST {
        return None;
    }
    let (bundle, rest) = postcard::take_from_bytes(&unpacked).ok()?;
    rest.is_empty().then_some(bundle)
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
