//! What the tests share: options without long waits, names, and bytes.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use imgforge::oci::Config;
use imgforge::oci::Descriptor;
use imgforge::oci::Image;
use imgforge::oci::manifest::Document;
use imgforge::oci::reference::RegistryReference;
use imgforge::progress::Silent;
use imgforge::store::Store;
use imgforge::transport::Outgoing;
use imgforge::transport::Receipt;
use imgforge::transport::Sink;
use imgforge::transport::Source;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;
use serde_json::json;
use tempfile::TempDir;

pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Options with which a test that fails, fails soon.
pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        retries: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        idle: Duration::from_secs(5),
        ..RegistryOptions::default()
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new(options()).unwrap()
}

/// `host/repository[:tag][@digest]`.
pub(crate) fn reference(host: &str, rest: &str) -> RegistryReference {
    format!("{host}/{rest}").parse().unwrap()
}

/// Bytes in which a piece at the wrong place is noticed.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(length).collect()
}

pub(crate) fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor::of(LAYER, bytes)
}

/// Reads a blob from `offset` to its end.
pub(crate) fn read(source: &dyn Source, descriptor: &Descriptor, offset: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = source.open(descriptor, offset).map_err(|error| chain(&error))?;
    reader.read_to_end(&mut bytes).map_err(|error| chain(&error))?;
    Ok(bytes)
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text.push_str(": ");
        text.push_str(&current.to_string());
        cause = current.source();
    }
    text
}

/// An image of the given layers, whose configuration is just enough to be one.
pub(crate) fn image(layers: &[&[u8]]) -> Image {
    let descriptors = layers.iter().map(|bytes| layer(bytes)).collect::<Vec<_>>();
    image_of(&descriptors)
}

pub(crate) fn image_of(layers: &[Descriptor]) -> Image {
    let diff_ids = layers.iter().map(|layer| layer.digest.to_string()).collect::<Vec<_>>();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = Config::from_value(&config).unwrap();
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": Descriptor::of(CONFIG, config.bytes()), "layers": layers,
    });
    let Document::Manifest(manifest) = Document::parse(document.to_string().into_bytes(), "").unwrap() else {
        panic!("it is a manifest");
    };
    Image::new(manifest, config).unwrap()
}

/// A source that has nothing, from nowhere or from a repository.
pub(crate) struct Nothing(pub(crate) Option<(String, String)>);

impl Source for Nothing {
    fn name(&self) -> String {
        "nothing".to_owned()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        panic!("nobody asks for the document of a base that is being published")
    }

    fn open(&self, descriptor: &Descriptor, _offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        Err(Error::NotFound { what: descriptor.digest.to_string(), place: self.name() })
    }

    fn mount_point(&self) -> Option<(String, String)> {
        self.0.clone()
    }
}

/// A store that holds the given blobs and the configuration, in a directory that goes away with it.
pub(crate) fn store(image: &Image, blobs: &[&[u8]]) -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for bytes in blobs {
        store.put(bytes).unwrap();
    }
    store.put(image.config.bytes()).unwrap();
    (directory, store)
}

/// Publishes an image whose layers are all in the store.
pub(crate) fn publish(registry: &Registry, host: &str, layers: &[&[u8]]) -> Result<Receipt, Error> {
    let image = image(layers);
    let (_directory, store) = store(&image, layers);
    let outgoing = Outgoing {
        image: &image,
        store: &store,
        origin: &Nothing(None),
        base_layers: 0,
        others: BTreeMap::new(),
    };
    registry.sink(&reference(host, "r:t")).publish(&outgoing, &Silent)
}
