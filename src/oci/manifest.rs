//! Manifests and indexes: typed views over bytes that are kept as they came.
//!
//! The digest is of the bytes, so the bytes are the document; a view is only for reading.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::hint::Hint;
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::Digest;
use crate::oci::media_type;
use crate::oci::media_type::Family;

/// The most bytes a manifest or index may have. distribution-spec asks for at least 4 MiB to work.
pub const MAX_DOCUMENT: u64 = 8 << 20;

/// An image manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The bytes, exactly as they came.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// OCI or Docker.
    pub family: Family,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, bottom first.
    pub layers: Vec<Descriptor>,
    /// Annotations of the manifest itself.
    pub annotations: BTreeMap<String, String>,
}

/// An image index or Docker manifest list.
#[derive(Debug, Clone)]
pub struct Index {
    /// The bytes, exactly as they came.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// What it lists, in order.
    pub manifests: Vec<Descriptor>,
}

/// Either of the documents that a reference can lead to.
#[derive(Debug, Clone)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several, by platform.
    Index(Index),
}

/// Why bytes are no manifest or index.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON that the media type promises.
    #[error("`{digest}` is not a valid image document")]
    Json {
        /// The document.
        digest: Digest,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Has what only a manifest has and what only an index has (CVE-2021-41190).
    #[error("`{0}` is a manifest and an index at once")]
    Ambiguous(Digest),
    /// Says one media type inside and came as another.
    #[error("`{digest}` says it is `{inside}` but was served as `{outside}`")]
    MediaType {
        /// The document.
        digest: Digest,
        /// Its `mediaType` field.
        inside: String,
        /// What the registry or the descriptor said.
        outside: String,
    },
    /// Neither a manifest nor an index.
    #[error("`{digest}` is a `{media_type}`, not an image")]
    Unsupported {
        /// The document.
        digest: Digest,
        /// What it is.
        media_type: String,
    },
    /// Larger than [`MAX_DOCUMENT`].
    #[error("`{0}` is larger than the 8 MiB that an image document may have")]
    TooLarge(Digest),
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Ambiguous(_) => {
                Some("refuse it: such a document means different images to different tools".into())
            }
            Self::Unsupported { media_type, .. } if media_type.contains("v1+prettyjws") => {
                Some("push the image again with a current tool: Docker schema 1 is not supported".into())
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RawIndex {
    manifests: Vec<Descriptor>,
}

impl Document {
    /// Reads a document that was served as `served_as` (empty when nothing said so).
    ///
    /// # Errors
    /// Any [`ManifestError`]; nothing of an ambiguous document is believed.
    pub fn parse(bytes: Vec<u8>, served_as: &str) -> Result<Self, ManifestError> {
        let digest = Digest::of(&bytes);
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(ManifestError::TooLarge(digest));
        }
        let json = |source| ManifestError::Json { digest, source };
        let value: Value = serde_json::from_slice(&bytes).map_err(json)?;
        let has = |key: &str| value.get(key).is_some();
        if has("manifests") && (has("layers") || has("config")) {
            return Err(ManifestError::Ambiguous(digest));
        }
        let media_type = media_type_of(&value, served_as, digest)?;
        let family = Family::of_document(&media_type);
        match media_type.as_str() {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => {
                let raw: RawIndex = serde_json::from_value(value).map_err(json)?;
                Ok(Self::Index(Index { bytes, media_type, manifests: raw.manifests }))
            }
            media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST => {
                let raw: RawManifest = serde_json::from_value(value).map_err(json)?;
                let (config, layers) = (raw.config, raw.layers);
                let annotations = raw.annotations.unwrap_or_default();
                let family = family.unwrap_or(Family::Oci);
                Ok(Self::Manifest(Manifest { bytes, media_type, family, config, layers, annotations }))
            }
            _ => Err(ManifestError::Unsupported { digest, media_type }),
        }
    }
}

/// The media type of a document: its own word, the server's, or what its shape says (OCI allows it to be absent).
fn media_type_of(value: &Value, served_as: &str, digest: Digest) -> Result<String, ManifestError> {
    let inside = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let known = |name: &str| Family::of_document(name).is_some();
    if known(inside) && known(served_as) && inside != served_as {
        return Err(ManifestError::MediaType { digest, inside: inside.into(), outside: served_as.into() });
    }
    let named = if inside.is_empty() && known(served_as) { served_as } else { inside };
    Ok(match named {
        "" if value.get("manifests").is_some() => media_type::OCI_INDEX.to_owned(),
        "" if value.get("layers").is_some() => media_type::OCI_MANIFEST.to_owned(),
        "" => served_as.to_owned(),
        named => named.to_owned(),
    })
}

impl Manifest {
    /// The digest of its bytes: the name of the image.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// A descriptor of this manifest.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,{extra}"config":{{"digest":"{EMPTY}","size":0}},"layers":[]}}"#)
    }

    #[test]
    fn the_shape_decides_where_nobody_says() {
        let parsed = Document::parse(manifest("").into_bytes(), "").unwrap();
        assert!(matches!(parsed, Document::Manifest(m) if m.family == Family::Oci));
        let parsed = Document::parse(manifest("").into_bytes(), media_type::DOCKER_MANIFEST).unwrap();
        assert!(matches!(parsed, Document::Manifest(m) if m.family == Family::Docker));
    }

    /// T26: CVE-2021-41190.
    #[test]
    fn t26_a_manifest_that_is_also_an_index_is_refused() {
        let both = manifest(r#""manifests":[],"#);
        assert!(matches!(Document::parse(both.into_bytes(), ""), Err(ManifestError::Ambiguous(_))));
        let says = manifest(&format!(r#""mediaType":"{}","#, media_type::OCI_MANIFEST));
        let served = Document::parse(says.into_bytes(), media_type::OCI_INDEX);
        assert!(matches!(served, Err(ManifestError::MediaType { .. })));
    }

    /// T23: a negative size.
    #[test]
    fn t23_a_negative_size_is_refused() {
        let bad = manifest("").replace("\"size\":0", "\"size\":-1");
        assert!(matches!(Document::parse(bad.into_bytes(), ""), Err(ManifestError::Json { .. })));
    }

    /// T25: nothing unbounded is parsed.
    #[test]
    fn t25_an_oversized_document_is_refused() {
        let bytes = vec![b' '; MAX_DOCUMENT as usize + 1];
        assert!(matches!(Document::parse(bytes, ""), Err(ManifestError::TooLarge(_))));
    }

    #[test]
    fn other_documents_are_named() {
        let other = r#"{"mediaType":"application/x","layers":[]}"#;
        let error = Document::parse(other.as_bytes().to_vec(), "").unwrap_err();
        assert!(error.to_string().contains("application/x"));
    }
}
