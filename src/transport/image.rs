//! From a source to the one image that is meant: index resolved by platform, every document verified.
//!
//! Knows no transport: a [`Source`] is all it sees.

use std::io;
use std::io::Read;

use crate::oci::Config;
use crate::oci::Descriptor;
use crate::oci::Image;
use crate::oci::Index;
use crate::oci::Manifest;
use crate::oci::Platform;
use crate::oci::manifest::Document;
use crate::oci::manifest::MAX_DOCUMENT;
use crate::oci::manifest::ManifestError;
use crate::oci::media_type;
use crate::oci::media_type::Family;
use crate::progress::Silent;
use crate::progress::Task;
use crate::store::IngestError;
use crate::store::Store;
use crate::transport::Source;
use crate::transport::error::Error;

/// An index may list indexes; deeper than this nobody nests, and a loop ends here.
const MAX_DEPTH: usize = 4;

/// The type that Docker before 1.10 gave to configurations; registries still serve such images.
const OLD_DOCKER_CONFIG: &str = "application/octet-stream";

/// The image of `source` that runs on `platform`: manifest and configuration, verified through the store.
///
/// In an index the first entry that fits is taken and attestations are never considered. An entry that
/// names no platform is judged by its configuration, and so is an image that no index led to.
///
/// # Errors
/// [`Error::Platform`] with the platforms there are when none fits; whatever the source says; documents over
/// 8 MiB, of the wrong media type, or with another digest than promised.
pub fn load_image(source: &dyn Source, platform: &Platform, store: &Store) -> Result<Image, Error> {
    let (bytes, served_as) = source.root()?;
    let loader = Loader { source, platform, store };
    loader.resolve(loader.parse(bytes, &served_as)?, false, 0)
}

/// Takes one blob into the store, verified; a blob that is there is not asked for.
///
/// # Errors
/// When the source cannot serve it, the connection breaks (what came is kept and continued by the next
/// call), or the bytes are not what the descriptor promises.
pub fn fetch_blob(
    source: &dyn Source,
    store: &Store,
    descriptor: &Descriptor,
    task: &dyn Task,
) -> Result<(), Error> {
    let mut open = |offset| source.open(descriptor, offset);
    let outcome = store.ingest(&descriptor.digest, descriptor.size, &mut open, task);
    outcome.map_err(|error| match error {
        IngestError::Open(error) => error,
        IngestError::Read(error) if error.kind() == io::ErrorKind::InvalidData => {
            Error::Broken { place: source.name(), problem: format!("{}: {error}", descriptor.digest) }
        }
        IngestError::Read(error) => Error::Unreachable { place: source.name(), source: Box::new(error) },
        IngestError::Store(error) => {
            Error::Store { what: descriptor.digest.to_string(), place: source.name(), source: error }
        }
    })
}

struct Loader<'a> {
    source: &'a dyn Source,
    platform: &'a Platform,
    store: &'a Store,
}

impl Loader<'_> {
    fn parse(&self, bytes: Vec<u8>, served_as: &str) -> Result<Document, Error> {
        Document::parse(bytes, served_as)
            .map_err(|source| Error::Document { place: self.source.name(), source })
    }

    /// `promised`: an index has said that this is for the platform.
    fn resolve(&self, document: Document, promised: bool, depth: usize) -> Result<Image, Error> {
        match document {
            Document::Manifest(manifest) => {
                let image = self.image(manifest)?;
                let offered = image.config.platform();
                // Configurations without a platform are old, not foreign.
                let silent = offered.os.is_empty() || offered.architecture.is_empty();
                if promised || silent || self.platform.accepts(&offered) {
                    Ok(image)
                } else {
                    Err(self.unfit(&[offered]))
                }
            }
            Document::Index(index) if depth < MAX_DEPTH => self.choose(&index, depth),
            Document::Index(_) => Err(Error::Broken {
                place: self.source.name(),
                problem: format!("indexes are nested deeper than {MAX_DEPTH}"),
            }),
        }
    }

    fn choose(&self, index: &Index, depth: usize) -> Result<Image, Error> {
        let images: Vec<&Descriptor> = index.manifests.iter().filter(|entry| is_image(entry)).collect();
        let fits = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|p| self.platform.accepts(p));
        if let Some(entry) = images.iter().copied().find(fits) {
            return self.resolve(self.document(entry)?, true, depth + 1);
        }
        let mut offered: Vec<Platform> = images.iter().filter_map(|entry| entry.platform.clone()).collect();
        for entry in images.iter().filter(|entry| entry.platform.is_none()) {
            match self.resolve(self.document(entry)?, false, depth + 1) {
                Err(Error::Platform { offered: other, .. }) => {
                    offered.extend(other.split(", ").filter_map(|text| text.parse().ok()));
                }
                outcome => return outcome,
            }
        }
        Err(self.unfit(&offered))
    }

    fn unfit(&self, offered: &[Platform]) -> Error {
        let mut names: Vec<String> = Vec::new();
        for name in offered.iter().map(Platform::to_string) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let offered = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Error::Platform { name: self.source.name(), wanted: self.platform.to_string(), offered }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, Error> {
        self.parse(self.read(descriptor)?, &descriptor.media_type)
    }

    fn image(&self, manifest: Manifest) -> Result<Image, Error> {
        let known = [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG, OLD_DOCKER_CONFIG];
        let place = self.source.name();
        if !known.contains(&manifest.config.media_type.as_str()) {
            // image-spec manifest.md: a configuration of unknown type must not be parsed.
            let (digest, media_type) = (manifest.digest(), manifest.config.media_type);
            let source = ManifestError::Unsupported { digest, media_type };
            return Err(Error::Document { place, source });
        }
        let config = match Config::parse(self.read(&manifest.config)?) {
            Ok(config) => config,
            Err(source) => {
                let source = Box::new(source);
                return Err(Error::Config { place, source });
            }
        };
        Image::new(manifest, config).map_err(|source| Error::Config { place, source: Box::new(source) })
    }

    /// The bytes of a document, through the store.
    fn read(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        if descriptor.size > MAX_DOCUMENT {
            return Err(Error::Document {
                place: self.source.name(),
                source: ManifestError::TooLarge(descriptor.digest),
            });
        }
        match self.read_stored(descriptor) {
            // Damaged in the cache: the store has forgotten it, so this fetches it anew (T28).
            Err(Error::Broken { .. }) => self.read_stored(descriptor),
            outcome => outcome,
        }
    }

    fn read_stored(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        fetch_blob(self.source, self.store, descriptor, &Silent)?;
        let stored =
            |source| Error::Store { what: descriptor.digest.to_string(), place: self.source.name(), source };
        let mut bytes = Vec::new();
        let mut reader = self.store.reader(&descriptor.digest).map_err(stored)?;
        reader.read_to_end(&mut bytes).map_err(|error| Error::Broken {
            place: self.store.root().display().to_string(),
            problem: error.to_string(),
        })?;
        Ok(bytes)
    }
}

/// Whether an index entry can be an image to run: not an attestation, not some other document.
fn is_image(entry: &Descriptor) -> bool {
    let attestation =
        entry.platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown")
            || entry
                .annotations
                .get("vnd.docker.reference.type")
                .is_some_and(|kind| kind == "attestation-manifest");
    !attestation && (entry.media_type.is_empty() || Family::of_document(&entry.media_type).is_some())
}
