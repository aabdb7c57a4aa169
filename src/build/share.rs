//! Indexes of layers in a repository of the user's own, so that every machine starts with what one of them has learned.
//!
//! An artifact for each layer, under a tag that follows from the layer's digest: one question finds it, whatever image
//! the layer is in, and no registry needs to know referrers. One blob, the bundle of [`crate::index::bundle`].

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::json;

use crate::build::Error;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::origin::Origin;
use crate::index::bundle;
use crate::oci::Config;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Image;
use crate::oci::Layer;
use crate::oci::Reference;
use crate::oci::manifest::Document;
use crate::oci::media_type;
use crate::transport;
use crate::transport::Fate;
use crate::transport::Outgoing;

/// What a registry shows the artifact as.
const ARTIFACT: &str = "application/vnd.imgforge.layer-index.v1";
/// Its blob.
const BUNDLE: &str = "application/vnd.imgforge.layer-index.v1+zstd";
/// Longest bundle that is read, which is in memory then: a tenth of this is more than any layer has needed.
const LONGEST: u64 = 128 << 20;

/// An index of a layer that was pushed, or was there.
#[derive(Debug)]
pub struct Shared {
    /// The layer.
    pub layer: Digest,
    /// Length of the bundle in bytes.
    pub size: u64,
    /// Whether it was there already, byte for byte.
    pub present: bool,
}

/// How a layer's index is tagged. The number changes with what a bundle means.
#[must_use]
pub fn tag(layer: &Digest) -> String {
    format!("zidx3-{}", layer.hex())
}

/// The place of a layer's index; `None` where a transport has no tags.
fn place(repository: &Reference, layer: &Digest) -> Option<Reference> {
    match repository.clone() {
        Reference::Registry(mut reference) => {
            (reference.tag, reference.digest) = (Some(tag(layer)), None);
            Some(Reference::Registry(reference))
        }
        Reference::Layout(path, _) => Some(Reference::Layout(path, Some(tag(layer)))),
        _ => None,
    }
}

/// Reads every layer of the image that was not read here before, and puts the indexes of all into the repository.
///
/// # Errors
/// A layer that cannot be read, or a place that takes no artifact.
pub fn push(origin: &Origin, repository: &Reference, world: &World<'_>) -> Result<Vec<Shared>, Error> {
    let layers = origin.image.layers();
    let nowhere = || Error::NoArtifacts { place: repository.to_string() };
    // Before the long work: a place that holds no artifacts never will.
    let places = layers.iter().map(|layer| place(repository, &layer.descriptor.digest).ok_or_else(nowhere));
    places.collect::<Result<Vec<_>, _>>()?;
    origin.tree(world, &Caught::default())?;
    layers.iter().map(|layer| push_one(origin, layer, repository, world)).collect()
}

fn push_one(
    origin: &Origin,
    layer: &Layer,
    repository: &Reference,
    world: &World<'_>,
) -> Result<Shared, Error> {
    let digest = layer.descriptor.digest;
    let nowhere = || Error::NoArtifacts { place: repository.to_string() };
    let reference = place(repository, &digest).ok_or_else(nowhere)?;
    let bytes = bundle::pack(world.store, &digest).ok_or(Error::NotIndexed { layer: digest })?;
    let image = artifact(layer, &bytes, world)?;
    let sink = world.places.sink(&reference, "")?;
    let outgoing = Outgoing {
        image: &image,
        store: world.store,
        origin: origin.source.as_ref(),
        base_layers: 0,
        others: BTreeMap::new(),
    };
    let receipt = sink.publish(&outgoing, world.progress)?;
    let bundle = receipt.blobs.iter().find(|(blob, _)| blob.media_type == BUNDLE);
    let present = bundle.is_some_and(|(_, fate)| *fate == Fate::Present);
    Ok(Shared { layer: digest, size: bytes.len() as u64, present })
}

/// The documents of the artifact; its blobs are in the store. Its configuration is a plain one: there are registries
/// that take nothing else.
fn artifact(layer: &Layer, bytes: &[u8], world: &World<'_>) -> Result<Image, Error> {
    let digest = world.store.put(bytes)?;
    let blob = Descriptor::new(BUNDLE, digest, bytes.len() as u64);
    let config = Config::from_value(&json!({"architecture": "unknown", "os": "unknown",
        "rootfs": {"type": "layers", "diff_ids": [digest.to_string()]}}))?;
    world.store.put(config.bytes())?;
    let described = Descriptor::of(media_type::OCI_CONFIG, config.bytes());
    let name = |blob: &Descriptor| json!({"mediaType": blob.media_type, "digest": blob.digest.to_string(), "size": blob.size});
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": ARTIFACT,
        "config": name(&described), "layers": [name(&blob)],
        "annotations": {"io.imgforge.layer": layer.descriptor.digest.to_string()}});
    let parsed = Document::parse(manifest.to_string().into_bytes(), media_type::OCI_MANIFEST)?;
    let Document::Manifest(manifest) = parsed else {
        return Err(Error::NoArtifacts { place: ARTIFACT.to_owned() });
    };
    Image::new(manifest, config).map_err(|source| {
        transport::error::Error::Config { place: ARTIFACT.to_owned(), source: Box::new(source) }.into()
    })
}

/// Takes the index of a layer from the repository, for those who borrow. Whether there was one.
///
/// # Errors
/// The place cannot be asked, or has something that is no index of this layer.
pub fn pull(layer: &Layer, repository: &Reference, world: &World<'_>) -> Result<bool, Error> {
    let digest = layer.descriptor.digest;
    let nowhere = || Error::NoArtifacts { place: repository.to_string() };
    let reference = place(repository, &digest).ok_or_else(nowhere)?;
    let source = world.places.source(&reference, world.store, world.progress)?;
    let root = match source.root() {
        Err(transport::error::Error::NotFound { .. }) => return Ok(false),
        outcome => outcome?,
    };
    let Document::Manifest(manifest) = Document::parse(root.0, &root.1)? else {
        return Ok(false);
    };
    let Some(blob) = manifest.layers.iter().find(|blob| blob.media_type == BUNDLE) else {
        return Ok(false);
    };
    let mut bytes = Vec::new();
    if blob.size <= LONGEST {
        let read = source.open(blob, 0)?.take(blob.size).read_to_end(&mut bytes);
        read.map_err(|error| transport::error::Error::Unreachable {
            place: source.name(),
            source: Box::new(error),
        })?;
    }
    if Digest::of(&bytes) != blob.digest {
        return Err(bundle::BundleError::Malformed(digest).into());
    }
    bundle::unpack(world.store, layer, &bytes)?;
    Ok(true)
}
