//! The store: where bytes become trusted. Everything that enters is hashed, and named by its digest.
//!
//! Knows no media types. On disk: `blobs/sha256/<hex>`, `tmp/`, and `notes/<kind>/<name>` for derived facts.

use std::path::PathBuf;

use crate::hint::Hint;
use crate::oci::Digest;

/// A directory of verified bytes. Cheap to clone; safe to use from several threads and processes.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Why the store did not take or give bytes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not what the digest names. Nothing was kept.
    #[error("expected `{expected}` but the bytes are `{actual}`")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// Too few or too many bytes. Nothing was kept.
    #[error("expected {expected} bytes of `{digest}` but got {actual}")]
    Size {
        /// What was asked for.
        digest: Digest,
        /// Bytes that the descriptor promises.
        expected: u64,
        /// Bytes that came; one more than promised stands for any number more.
        actual: u64,
    },
    /// A file of the store.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Digest { .. } | Self::Size { .. } => {
                Some("the bytes were damaged on their way or where they are kept: try again".to_owned())
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space, or name another cache directory with `--cache-dir`".to_owned())
            }
            Self::Io { .. } => None,
        }
    }
}
