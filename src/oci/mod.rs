//! The documents of an image: digests, descriptors, manifests, configurations, references and paths.
//!
//! Pure values and parsers. Knows nothing of where bytes come from or of what is inside a layer.

pub mod config;
pub mod descriptor;
pub mod digest;
pub mod manifest;
pub mod media_type;
pub mod path;
pub mod platform;
pub mod reference;

pub use config::Config;
pub use descriptor::Descriptor;
pub use digest::DiffId;
pub use digest::Digest;
pub use manifest::Index;
pub use manifest::Manifest;
pub use media_type::Compression;
pub use media_type::Family;
pub use path::ImagePath;
pub use platform::Platform;
pub use reference::Reference;

/// One image for one platform: its documents. The bytes of its layers are elsewhere.
///
/// `manifest.layers` and `config.diff_ids()` have the same length; [`Image::new`] makes sure of it.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest, with its bytes.
    pub manifest: Manifest,
    /// The configuration, with its bytes.
    pub config: Config,
}

/// One layer of an image, bottom first in [`Image::layers`].
#[derive(Debug, Clone)]
pub struct Layer {
    /// The blob as the manifest names it.
    pub descriptor: Descriptor,
    /// The digest of its uncompressed tar.
    pub diff_id: DiffId,
}

/// The two documents of an image do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("image `{manifest}` has {layers} layers but its configuration names {diff_ids}")]
pub struct ImageError {
    manifest: Digest,
    layers: usize,
    diff_ids: usize,
}

impl crate::hint::Hint for ImageError {
    fn hint(&self) -> Option<String> {
        Some("the image is broken where it is stored: build or push it again".to_owned())
    }
}

impl Image {
    /// Puts manifest and configuration together.
    ///
    /// # Errors
    /// When they disagree on the number of layers (image-spec `config.md`, `rootfs.diff_ids`).
    pub fn new(manifest: Manifest, config: Config) -> Result<Self, ImageError> {
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids().len());
        if layers != diff_ids {
            return Err(ImageError { manifest: manifest.digest(), layers, diff_ids });
        }
        Ok(Self { manifest, config })
    }

    /// The layers, bottom first.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer> {
        let pairs = self.manifest.layers.iter().cloned().zip(self.config.diff_ids());
        pairs.map(|(descriptor, diff_id)| Layer { descriptor, diff_id: *diff_id }).collect()
    }
}
