//! What `docker save` writes: `manifest.json` names a configuration and layer files, by path.
//!
//! Before 25.0 the layers are `<id>/layer.tar`, some of them symlinks to others; since then they are the blobs
//! of a layout that has an OCI manifest too. Format: moby `image/tarexport`.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde_json::json;

use crate::oci::Compression;
use crate::oci::Config;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Family;
use crate::oci::digest::Hashing;
use crate::oci::manifest::Document;
use crate::oci::manifest::ManifestError;
use crate::oci::media_type;
use crate::transport::archive::blob_name;
use crate::transport::archive::members::GZIP;
use crate::transport::archive::members::Members;
use crate::transport::archive::members::ZSTD;
use crate::transport::archive::name::familiar;
use crate::transport::error::Error;
use crate::transport::layout::Pick;
use crate::transport::layout::listing::Listing;

/// An index in an index in an index: nobody nests deeper.
const MAX_DEPTH: usize = 3;

/// The documents of an image in such an archive.
pub(super) struct Found {
    /// The manifest and its media type.
    pub(super) root: (Vec<u8>, String),
    /// The members that hold its blobs, where they are not under `blobs/`.
    pub(super) elsewhere: BTreeMap<Digest, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// The image that `pick` means.
pub(super) fn image(members: &Members, place: &str, pick: &Pick) -> Result<Found, Error> {
    let bytes = members.document("manifest.json")?;
    let items: Vec<Item> = serde_json::from_slice(&bytes).map_err(|source| Error::Document {
        place: place.to_owned(),
        source: ManifestError::Json { digest: Digest::of(&bytes), source },
    })?;
    let item = select(&items, place, pick)?;
    let config = members.document(&item.config)?;
    let digest = Digest::of(&config);
    if let Some(root) = own_manifest(members, place, digest) {
        let elsewhere = BTreeMap::new();
        return Ok(Found { root, elsewhere });
    }
    made_manifest(members, place, item, config)
}

fn select<'a>(items: &'a [Item], place: &str, pick: &Pick) -> Result<&'a Item, Error> {
    let tags = |item: &Item| item.repo_tags.clone().unwrap_or_default();
    let has = |item: &&Item, name: &str| tags(item).iter().any(|tag| familiar(tag) == familiar(name));
    let tagged = |item: &&Item, name: &str| {
        tags(item).iter().any(|tag| tag.rsplit_once(':').is_some_and(|t| t.1 == name))
    };
    let only = || match items {
        [item] => Some(item),
        _ => None,
    };
    let (found, wanted) = match pick {
        Pick::Only => (only(), None),
        Pick::Position(position) => (items.get(*position), Some(format!("@{position}"))),
        Pick::Digest(digest) => {
            let same = |item: &&Item| item.config.contains(&digest.hex());
            (items.iter().find(same), Some(format!("@{digest}")))
        }
        Pick::Name(name) | Pick::NameOrOnly(name) => {
            let whole = items.iter().find(|item| has(item, name));
            let found = whole.or_else(|| items.iter().find(|item| tagged(item, name)));
            match pick {
                Pick::NameOrOnly(_) => (found.or_else(only), None),
                _ => (found, Some(name.clone())),
            }
        }
    };
    found.ok_or_else(|| Error::Pick {
        place: place.to_owned(),
        wanted,
        offered: items
            .iter()
            .enumerate()
            .map(|(n, item)| tags(item).first().cloned().unwrap_or_else(|| format!("@{n}")))
            .collect(),
    })
}

/// The manifest that the archive has itself for the configuration, if all it names is there.
fn own_manifest(members: &Members, place: &str, config: Digest) -> Option<(Vec<u8>, String)> {
    let listing = Listing::parse(&members.document("index.json").ok()?, place).ok()?;
    let mut waiting: Vec<(Descriptor, usize)> = listing.images().map(|d| (d.clone(), 0)).collect();
    while let Some((descriptor, depth)) = waiting.pop() {
        let name = blob_name(&descriptor.digest);
        let bytes = members.has_file(&name).then(|| members.document(&name).ok()).flatten();
        let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == descriptor.digest) else {
            continue;
        };
        match Document::parse(bytes, &descriptor.media_type) {
            Ok(Document::Manifest(manifest)) if manifest.config.digest == config => {
                let mut all = manifest.layers.iter().chain([&manifest.config]);
                if all.all(|blob| members.has_file(&blob_name(&blob.digest))) {
                    return Some((manifest.bytes, manifest.media_type));
                }
            }
            Ok(Document::Index(index)) if depth < MAX_DEPTH => {
                waiting.extend(index.manifests.into_iter().map(|d| (d, depth + 1)));
            }
            _ => {}
        }
    }
    None
}

/// A manifest over the configuration and the layer files as they are. Docker's family, which has no zstd:
/// with such a layer it is OCI's.
fn made_manifest(members: &Members, place: &str, item: &Item, config: Vec<u8>) -> Result<Found, Error> {
    let config = Config::parse(config)
        .map_err(|source| Error::Config { place: place.to_owned(), source: Box::new(source) })?;
    if config.diff_ids().len() != item.layers.len() {
        let (files, ids) = (item.layers.len(), config.diff_ids().len());
        return Err(Error::Broken {
            place: place.to_owned(),
            problem: format!("{files} layer files for the {ids} layers of the configuration"),
        });
    }
    let mut elsewhere = BTreeMap::from([(config.digest(), item.config.clone())]);
    let mut layers = Vec::new();
    for (member, diff_id) in item.layers.iter().zip(config.diff_ids()) {
        let compression = compression(members, place, member)?;
        let digest = match compression {
            Compression::None => diff_id.0,
            Compression::Gzip | Compression::Zstd => packed_digest(members, place, member)?,
        };
        elsewhere.insert(digest, member.clone());
        layers.push((compression, digest, members.size(member)?));
    }
    Ok(Found { root: document(&config, &layers), elsewhere })
}

/// The manifest and its media type.
fn document(config: &Config, layers: &[(Compression, Digest, u64)]) -> (Vec<u8>, String) {
    let zstd = layers.iter().any(|(compression, ..)| *compression == Compression::Zstd);
    let (family, media_type) = if zstd {
        (Family::Oci, media_type::OCI_MANIFEST)
    } else {
        (Family::Docker, media_type::DOCKER_MANIFEST)
    };
    let described = |media_type: &str, digest: Digest, size: u64| json!({ "mediaType": media_type, "size": size, "digest": digest.to_string() });
    let layer = |(compression, digest, size): &(Compression, Digest, u64)| {
        described(family.layer(*compression).unwrap_or_default(), *digest, *size)
    };
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(family.config(), config.digest(), config.bytes().len() as u64),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    (document.to_string().into_bytes(), media_type.to_owned())
}

fn compression(members: &Members, place: &str, member: &str) -> Result<Compression, Error> {
    let mut magic = Vec::new();
    let mut start = members.open_following(member, 0)?.take(4);
    start.read_to_end(&mut magic).map_err(unreadable(place, member))?;
    Ok(if magic.starts_with(GZIP) {
        Compression::Gzip
    } else if magic.starts_with(ZSTD) {
        Compression::Zstd
    } else {
        Compression::None
    })
}

/// The digest of a compressed layer: what its name says (which is verified when it is read), else computed.
fn packed_digest(members: &Members, place: &str, member: &str) -> Result<Digest, Error> {
    if let Some(hex) = member.strip_prefix("blobs/sha256/")
        && let Ok(digest) = format!("sha256:{hex}").parse()
    {
        return Ok(digest);
    }
    let mut reader = Hashing::new(members.open_following(member, 0)?);
    std::io::copy(&mut reader, &mut std::io::sink()).map_err(unreadable(place, member))?;
    Ok(reader.hasher().digest())
}

fn unreadable(place: &str, member: &str) -> impl FnOnce(std::io::Error) -> Error {
    let problem = format!("`{member}` cannot be read");
    let place = place.to_owned();
    move |error| Error::Broken { place, problem: format!("{problem}: {error}") }
}
