//! Places that images come from and go to. `registry/` and `daemon.rs` are the only async code.
//!
//! Knows nothing of what is inside a layer.

pub mod archive;
mod blob;
pub mod credentials;
pub mod daemon;
pub mod error;
pub mod image;
pub mod layout;
pub mod merge;
mod metered;
pub mod mirror;
pub mod places;
mod range;
pub mod registry;
pub mod traffic;

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::ops::Range;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Image;
use crate::progress::Progress;
use crate::store::Store;
use crate::transport::error::Error;

/// An image at a place, to read.
pub trait Source: Send + Sync {
    /// The fully qualified name, as a reference prints it.
    fn name(&self) -> String;

    /// The document that the reference leads to (manifest or index) and the media type it was served as.
    ///
    /// # Errors
    /// When it cannot be had, is too large, or is not what a digest in the reference names.
    fn root(&self) -> Result<(Vec<u8>, String), Error>;

    /// Opens the bytes of a descriptor from `offset` on. What is read is *not* verified yet: the store does that.
    ///
    /// # Errors
    /// When the place does not have it or cannot serve it from `offset`.
    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error>;

    /// Opens the bytes `range.start..range.end` of a descriptor, the end exclusive. What is read is *not* verified,
    /// and cannot be by the descriptor's digest: the caller has a digest of what it makes of it, or trusts the place.
    ///
    /// The reader gives exactly these bytes. Where the place has fewer it fails, with
    /// [`InvalidData`](std::io::ErrorKind::InvalidData) if the place breaks its promise and another kind if the
    /// connection did; it never ends early. Several ranges of a blob may be open at once.
    ///
    /// # Errors
    /// [`Error::Range`] for a range that the descriptor's size rules out, before anything is asked; when the place
    /// does not have the blob or cannot serve it.
    fn open_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        range::open(self, descriptor, &range)
    }

    /// The manifest or index with this digest that lies beside the image; it has the digest, and no more bytes than
    /// documents may have.
    ///
    /// # Errors
    /// When there is none, or this kind of place has only one image and its layers.
    fn document(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        Err(Error::NotFound { what: digest.to_string(), place: self.name() })
    }

    /// Documents beside the image that say they are about the one with this digest, and are of this artifact type
    /// (distribution-spec 1.1, "Listing Referrers"). None where the place does not keep account of that.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn referrers(&self, _subject: &Digest, _artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }

    /// Where in a registry this image lives (`host`, `repository`), so that its blobs can be mounted from there.
    fn mount_point(&self) -> Option<(String, String)> {
        None
    }
}

/// A place to put an image.
pub trait Sink: Send + Sync {
    /// The fully qualified name that the image will have.
    fn name(&self) -> String;

    /// What publishing would do with each blob, without doing it.
    ///
    /// # Errors
    /// When the place cannot be asked.
    fn plan(&self, outgoing: &Outgoing<'_>) -> Result<Vec<(Descriptor, Fate)>, Error>;

    /// Publishes blobs, manifest, and the name last. A failure leaves no name behind.
    ///
    /// # Errors
    /// When the place refuses or cannot be reached.
    fn publish(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<Receipt, Error>;

    /// The image that has the name now, or the one in the same repository whose manifest has this digest; reading it
    /// says whether there is one. `None` where there is no need to ask.
    fn standing(&self, manifest: Option<&Digest>) -> Option<Box<dyn Source>> {
        let _ = manifest;
        None
    }

    /// Begins to take a blob that is still being made; [`Sink::publish`] then only names it. `None` where that is not
    /// to be had. There can be one such blob at a time.
    fn early(&self, progress: &dyn Progress) -> Option<Box<dyn Early>> {
        let _ = progress;
        None
    }
}

/// A blob that a place takes while it is made. Writing never fails: what cannot be taken now is published as if nothing
/// had been. Dropped before it is published, it leaves nothing at the place.
pub trait Early: Write + Send {
    /// Says what the bytes were.
    fn is(&mut self, blob: &Descriptor);
}

/// An assembled image on its way out, and where its blobs can be had.
pub struct Outgoing<'a> {
    /// The documents.
    pub image: &'a Image,
    /// Holds the new layers, and whatever of the base was read.
    pub store: &'a Store,
    /// The base: asked for blobs that the store does not hold.
    pub origin: &'a dyn Source,
    /// How many of the lowest layers are the base's own.
    pub base_layers: usize,
    /// Other images that blobs come from, by the blob: asked in the base's stead.
    pub others: BTreeMap<Digest, &'a dyn Source>,
}

impl Outgoing<'_> {
    /// The image that has a blob which the store does not hold.
    fn owner(&self, blob: &Digest) -> &dyn Source {
        self.others.get(blob).copied().unwrap_or(self.origin)
    }
}

/// What happens to one blob when an image is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The place has it already.
    Present,
    /// It is mounted from another repository of the same registry: no bytes move.
    Mount,
    /// It is sent.
    Upload,
}

/// What publishing did.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The name that now leads to the image.
    pub name: String,
    /// Digest of the manifest as it was published.
    pub digest: Digest,
    /// What happened to each blob, in the order of the manifest, the configuration last.
    pub blobs: Vec<(Descriptor, Fate)>,
}

impl Receipt {
    /// The bytes of the blobs that were sent; documents and framing are not counted.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.moved(Fate::Upload)
    }

    /// The bytes of the blobs that were mounted.
    #[must_use]
    pub fn bytes_mounted(&self) -> u64 {
        self.moved(Fate::Mount)
    }

    fn moved(&self, how: Fate) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate == how).map(|(descriptor, _)| descriptor.size).sum()
    }
}
