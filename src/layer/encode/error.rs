//! What keeps a changeset from becoming a layer.

use std::io;

use crate::hint::Hint;
use crate::oci::ImagePath;

/// Why a changeset could not be encoded. What was written so far is no layer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A hard link to something that this layer does not bring as a file: engines fail to unpack it.
    #[error("`{path}` is a hard link to `{target}`, which is no file of the same layer")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// What it names.
        target: ImagePath,
    },
    /// A name that cannot exist in an image: it would be read as a whiteout.
    #[error("`{path}` has a name that means a whiteout")]
    Reserved {
        /// The path.
        path: ImagePath,
    },
    /// Something below a path that is no directory, or that is removed and not made again.
    #[error("the layer has `{path}` below `{above}`, which it does not leave as a directory")]
    Below {
        /// The path.
        path: ImagePath,
        /// What is above it.
        above: ImagePath,
    },
    /// The root can only be a directory and cannot be removed.
    #[error("the layer removes the root of the image")]
    Root,
    /// A name of an extended attribute that PAX cannot carry.
    #[error("`{path}` has an extended attribute `{}`, a name that tar cannot carry", name.escape_ascii())]
    XattrName {
        /// The path.
        path: ImagePath,
        /// The name.
        name: Vec<u8>,
    },
    /// The content has not the length that was promised.
    #[error("the content of `{path}` has {actual} bytes instead of {expected}")]
    Size {
        /// The file.
        path: ImagePath,
        /// What the changeset says.
        expected: u64,
        /// What came; one more than expected stands for any number more.
        actual: u64,
    },
    /// The content cannot be read.
    #[error("cannot read the content of `{path}`")]
    Content {
        /// The file.
        path: ImagePath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Hardlink { path, target } => {
                Some(format!("graft `{target}` as well, or let `{path}` be a file of its own"))
            }
            Self::Reserved { .. } => Some("give the file a name that does not begin with `.wh.`".into()),
            Self::Below { above, .. } => Some(format!("let a step make `{above}` a directory")),
            Self::Root | Self::XattrName { .. } | Self::Content { .. } => None,
            Self::Size { .. } => Some("the file changed while it was read: build again".to_owned()),
            Self::Write { source } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space".to_owned())
            }
            Self::Write { .. } => None,
        }
    }
}
