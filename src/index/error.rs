//! Why a layer could not be read.

use crate::hint::Hint;
use crate::layer::decode;
use crate::oci::Digest;
use crate::store;

/// Why a layer could not be read; `E` is the error of the place it comes from. Nothing was kept of it but
/// single files under their own digests.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// The place it comes from did not give it.
    #[error("cannot open layer `{layer}`")]
    Open {
        /// The blob.
        layer: Digest,
        /// Why.
        #[source]
        source: E,
    },
    /// The descriptor's media type is no layer's.
    #[error("layer `{layer}` has the unknown media type `{media_type}`")]
    MediaType {
        /// The blob.
        layer: Digest,
        /// What the manifest calls it.
        media_type: String,
    },
    /// The blob is not what its digest names, or its tar is not what the configuration names.
    #[error("layer `{layer}`: its {what} should be `{expected}` but is `{actual}`")]
    Mismatch {
        /// The blob.
        layer: Digest,
        /// Digest, size or `diff_id`.
        what: &'static str,
        /// What the image's documents say.
        expected: String,
        /// What the bytes are.
        actual: String,
    },
    /// The tar cannot be understood.
    #[error("cannot decode layer `{layer}`")]
    Decode {
        /// The blob.
        layer: Digest,
        /// Why.
        #[source]
        source: decode::Error,
    },
    /// The bytes stopped coming, or are not compressed as the media type says.
    #[error("cannot read layer `{layer}`")]
    Read {
        /// The blob.
        layer: Digest,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What was learned could not be kept.
    #[error("cannot keep what layer `{layer}` holds")]
    Store {
        /// The blob.
        layer: Digest,
        /// Why.
        #[source]
        source: store::Error,
    },
}

impl<E: std::error::Error + Hint + 'static> Hint for Error<E> {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } => source.hint(),
            Self::Decode { source, .. } => source.hint(),
            Self::Store { source, .. } => source.hint(),
            Self::MediaType { .. } => {
                Some("only tar layers, plain or with gzip or Zstandard, can be read".to_owned())
            }
            Self::Mismatch { .. } => {
                Some("the image is damaged where it is kept: pull or push it again".to_owned())
            }
            Self::Read { .. } => Some("run again: what was complete is kept".to_owned()),
        }
    }
}
