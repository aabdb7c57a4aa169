//! Descriptors: how a document names bytes (image-spec `descriptor.md`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::oci::digest::Digest;
use crate::oci::platform::Platform;

/// Names some bytes by media type, digest and size in bytes.
///
/// A typed view for reading. Documents are re-emitted from their raw JSON, so fields this
/// view does not know are never lost. A negative size does not parse (image-spec, main: MUST NOT).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    #[serde(default)]
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Which platform, in an index.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<Platform>,
    /// Free text, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Describes `bytes`.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Makes a descriptor without platform or annotations.
    #[must_use]
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self { media_type: media_type.to_owned(), digest, size, platform: None, annotations: BTreeMap::new() }
    }
}
