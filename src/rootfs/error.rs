//! What keeps layers from making a tree, and paths from leading anywhere.

use crate::hint::Hint;
use crate::oci::ImagePath;

/// Layers that contradict themselves: engines fail to unpack them too.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The directory of an entry is reached over symbolic links that lead nowhere.
    #[error("layer {layer} has `{path}` below symbolic links that lead in a circle")]
    Loop {
        /// The entry.
        path: ImagePath,
        /// Number of the layer.
        layer: usize,
    },
    /// The directory of an entry is reached over a symbolic link that leads to a file.
    #[error("layer {layer} has `{path}` below a symbolic link to `{above}`, which is no directory")]
    NotDirectory {
        /// The entry.
        path: ImagePath,
        /// What is in the way, after links.
        above: ImagePath,
        /// Number of the layer.
        layer: usize,
    },
    /// A hard link to something that no layer has, or that is a directory.
    #[error("layer {layer} has a hard link `{path}` to `{target}`, which is no file")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// What it names.
        target: ImagePath,
        /// Number of the layer.
        layer: usize,
    },
    /// The root as something else than a directory.
    #[error("layer {layer} replaces the root by something that is no directory")]
    Root {
        /// Number of the layer.
        layer: usize,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some("no engine unpacks such an image: build it again".to_owned())
    }
}

/// Why a path leads to nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LookupError {
    /// It is not there.
    #[error("`{path}` does not exist: there is no `{missing}`")]
    NotFound {
        /// The path asked for.
        path: ImagePath,
        /// The first path that is not there, after links.
        missing: ImagePath,
    },
    /// More than 40 links.
    #[error("`{path}` leads over too many symbolic links")]
    Loop {
        /// The path asked for.
        path: ImagePath,
    },
    /// Something above it is no directory.
    #[error("`{path}` does not exist: `{above}` is no directory")]
    NotDirectory {
        /// The path asked for.
        path: ImagePath,
        /// What is in the way, after links.
        above: ImagePath,
    },
    /// It depends on lower layers, which are missing.
    #[error("what `{path}` is depends on `{at}` in lower layers")]
    Unknown {
        /// The path asked for.
        path: ImagePath,
        /// What must be known first.
        at: ImagePath,
    },
}

impl Hint for LookupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { missing, .. } => {
                missing.parent().map(|parent| format!("see what is there: `imgforge ls IMAGE {parent}`"))
            }
            _ => None,
        }
    }
}
