//! The entries of a lock file: what was pinned, one table each.

use serde::Deserialize;
use serde::Serialize;

use crate::oci::DiffId;
use crate::oci::Digest;

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedResult {
    /// Digest of the image's manifest.
    pub manifest: Digest,
    /// Digests of the added layers' uncompressed tars, bottom first; layers of donors may be among them.
    pub diff_ids: Vec<DiffId>,
}

/// An image, pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    /// `base`, or the name of the source.
    pub name: String,
    /// The reference as the recipe has it.
    pub reference: String,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Digest of the manifest for that platform.
    pub manifest: Digest,
    /// Its layers, bottom first.
    #[serde(rename = "layer", default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LockedLayer>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedLayer {
    /// Digest of the blob.
    pub digest: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
}

/// A file of this machine that went in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedInput {
    /// As the recipe names it.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Digest,
}

/// A file that was taken out of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedGraft {
    /// Where it went in the image.
    pub path: String,
    /// The source's name.
    pub from: String,
    /// Where it was in the source.
    pub donor_path: String,
    /// Digest of the layer's blob that it was in.
    pub layer: Digest,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
    /// GNU build-id, for ELF files that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
}

/// A file that was patched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPatch {
    /// The file in the image.
    pub path: String,
    /// The patch, as the recipe names it.
    pub with: String,
    /// Digest of the file before.
    pub before: Digest,
    /// Digest of the file after; the same when it was applied already.
    pub after: Digest,
}
