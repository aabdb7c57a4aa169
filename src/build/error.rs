//! Why a build stopped. What the audit found is no error: see [`crate::build::gate`].

use crate::abi::closure;
use crate::audit;
use crate::edit;
use crate::hint::Hint;
use crate::index;
use crate::layer;
use crate::oci::config::ConfigError;
use crate::oci::manifest::ManifestError;
use crate::recipe;
use crate::rootfs;
use crate::store;
use crate::transport;

/// A build that could not be carried out. Nothing was published, unless the error came while publishing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    /// The lock file.
    #[error(transparent)]
    Lockfile(#[from] recipe::lockfile::Error),
    /// A place that images come from or go to.
    #[error(transparent)]
    Transport(#[from] transport::error::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A layer that cannot be read.
    #[error("cannot read a layer of `{image}`")]
    Index {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: Box<index::Error<Self>>,
    },
    /// Layers that make no tree.
    #[error("the layers of `{image}` make no file tree")]
    Tree {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: rootfs::Error,
    },
    /// An unpacked tree of this machine.
    #[error(transparent)]
    Directory(#[from] index::DirectoryError),
    /// The audit could not be made.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// What must move together cannot be said.
    #[error(transparent)]
    Closure(#[from] closure::Error),
    /// A step that cannot be done.
    #[error(transparent)]
    Edit(#[from] edit::Error),
    /// A file of this machine that the recipe names.
    #[error("cannot read `{}`", path.display())]
    Host {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A place that has no artifacts.
    #[error("`{place}` cannot hold indexes of layers")]
    NoArtifacts {
        /// The place.
        place: String,
    },
    /// A layer whose index is not whole.
    #[error("not everything is known of layer `{layer}`")]
    NotIndexed {
        /// The layer.
        layer: crate::oci::Digest,
    },
    /// An index of a layer that somebody has shared.
    #[error(transparent)]
    Bundle(#[from] index::bundle::BundleError),
    /// A text file of the base that is too large to patch.
    #[error("a file of {size} bytes is too large to be read as text")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// A file that the index of a layer has and the layer has not.
    #[error("layer {layer} of `{image}` does not hold what its index says")]
    Gone {
        /// The image.
        image: String,
        /// Number of the layer, from the bottom.
        layer: usize,
    },
    /// The new layer.
    #[error("cannot write the new layer")]
    Encode(#[source] layer::encode::Error),
    /// The result's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The result's manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A path of an image, named as the subject, where no ELF file is.
    #[error("there is no ELF file at `{path}` in `{image}`")]
    NotInside {
        /// The image.
        image: String,
        /// The path.
        path: String,
    },
    /// `--locked`, and something moved.
    #[error("the lock file does not hold any more:\n{}", moved.join("\n"))]
    Drift {
        /// Which input or result moved, one a line.
        moved: Vec<String>,
    },
}

impl Error {
    /// A failure to index a layer: what the place did wrong is said as the place's own error.
    pub(super) fn index(image: &str, error: index::Error<Self>) -> Self {
        match error {
            index::Error::Open { source, .. } => source,
            other => Self::Index { image: image.to_owned(), source: Box::new(other) },
        }
    }

    /// Whether the recipe or the command line is at fault, and not the world.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Recipe(_) | Self::Lockfile(_) | Self::Edit(_) | Self::Host { .. } | Self::Drift { .. } => {
                true
            }
            Self::NotInside { .. } => true,
            Self::Audit(error) => error.is_usage(),
            Self::Closure(error) => error.is_usage(),
            _ => false,
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Lockfile(error) => error.hint(),
            Self::Edit(error) => error.hint(),
            Self::Directory(error) => error.hint(),
            Self::Audit(error) => error.hint(),
            Self::Closure(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Manifest(error) => error.hint(),
            Self::Index { source, .. } => source.hint(),
            Self::Drift { .. } => {
                Some("if that is what you want, pin it again: `imgforge lock RECIPE`".to_owned())
            }
            Self::NotInside { image, .. } => Some(format!("look for it: `imgforge ls -R {image} /`")),
            Self::Gone { .. } => {
                Some("look through the cache and run again: `imgforge cache repair`".to_owned())
            }
            Self::Bundle(error) => error.hint(),
            Self::NoArtifacts { .. } => {
                Some("name a repository of a registry, or a layout: `oci:DIR`".to_owned())
            }
            Self::NotIndexed { .. } => {
                Some("look through the cache and run again: `imgforge cache repair`".to_owned())
            }
            Self::Recipe(_) | Self::Tree { .. } | Self::Host { .. } | Self::TooLarge { .. } => None,
            Self::Encode(error) => error.hint(),
        }
    }
}
