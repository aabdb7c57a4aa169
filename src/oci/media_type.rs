//! Media types, and which ones go together (image-spec `media-types.md`, Docker schema 2).

/// The two families of media types. An image whose documents mix them is refused by some engines,
/// so what imgforge adds always follows the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// `application/vnd.oci.image.*`.
    Oci,
    /// `application/vnd.docker.*`, schema 2.
    Docker,
}

/// How the tar of a layer is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// The tar as it is.
    None,
    /// gzip, perhaps of several members.
    Gzip,
    /// Zstandard, OCI only.
    Zstd,
}

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI_FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

impl Family {
    /// The family of a manifest or an index, `None` for anything else.
    #[must_use]
    pub fn of_document(media_type: &str) -> Option<Self> {
        match media_type {
            OCI_MANIFEST | OCI_INDEX => Some(Self::Oci),
            DOCKER_MANIFEST | DOCKER_LIST => Some(Self::Docker),
            _ => None,
        }
    }

    /// The media type of a layer of this family. Docker has none for zstd.
    #[must_use]
    pub const fn layer(self, compression: Compression) -> Option<&'static str> {
        match (self, compression) {
            (Self::Oci, Compression::None) => Some(OCI_LAYER),
            (Self::Oci, Compression::Gzip) => Some("application/vnd.oci.image.layer.v1.tar+gzip"),
            (Self::Oci, Compression::Zstd) => Some("application/vnd.oci.image.layer.v1.tar+zstd"),
            (Self::Docker, Compression::None) => Some(DOCKER_LAYER),
            (Self::Docker, Compression::Gzip) => Some("application/vnd.docker.image.rootfs.diff.tar.gzip"),
            (Self::Docker, Compression::Zstd) => None,
        }
    }

    /// The media type of a configuration of this family.
    #[must_use]
    pub const fn config(self) -> &'static str {
        match self {
            Self::Oci => OCI_CONFIG,
            Self::Docker => DOCKER_CONFIG,
        }
    }
}

/// How a layer of this media type is compressed; `None` when it is no layer that may be read
/// (image-spec `layer.md`: an unknown layer type must not be parsed).
#[must_use]
pub fn layer_compression(media_type: &str) -> Option<Compression> {
    let rest = [OCI_LAYER, OCI_FOREIGN, DOCKER_LAYER, DOCKER_FOREIGN]
        .iter()
        .find_map(|prefix| media_type.strip_prefix(prefix))?;
    match rest {
        "" => Some(Compression::None),
        "+gzip" | ".gzip" => Some(Compression::Gzip),
        "+zstd" | ".zstd" => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether the layer must not be uploaded anywhere (image-spec `layer.md`, non-distributable layers).
#[must_use]
pub fn is_foreign(media_type: &str) -> bool {
    media_type.starts_with(OCI_FOREIGN) || media_type.starts_with(DOCKER_FOREIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_family_writes_is_read_back() {
        for family in [Family::Oci, Family::Docker] {
            for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                if let Some(name) = family.layer(compression) {
                    assert_eq!(layer_compression(name), Some(compression), "{name}");
                    assert!(!is_foreign(name));
                }
            }
        }
        assert_eq!(layer_compression("application/vnd.oci.image.layer.v1.tar+br"), None);
        assert_eq!(layer_compression(OCI_CONFIG), None);
        assert!(is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
    }
}
