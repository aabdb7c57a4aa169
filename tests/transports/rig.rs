//! Small images made by hand, and the tools that judge what imgforge makes of them.
//!
//! Nothing here uses the library's own writers: a judge that shares code with the accused is none.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::oci::Digest;
use imgforge::oci::Image;
use imgforge::oci::Platform;
use imgforge::progress::Silent;
use imgforge::store::Store;
use imgforge::transport::Outgoing;
use imgforge::transport::Receipt;
use imgforge::transport::Sink;
use imgforge::transport::Source;
use imgforge::transport::error::Error;
use imgforge::transport::image::load_image;
use imgforge::transport::layout::LayoutSource;
use serde_json::Value;
use serde_json::json;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// One layer: a tar with the given files.
pub fn layer_tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Documents and blobs of an image.
#[derive(Clone)]
pub struct Sample {
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    /// Uncompressed, bottom first.
    pub tars: Vec<Vec<u8>>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

/// An image of the given layers, gzip, OCI, for `architecture`.
pub fn sample(architecture: &str, tars: &[Vec<u8>]) -> Sample {
    let packed: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
    let ids: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let history: Vec<Value> = tars.iter().map(|_| json!({"created_by": "rig"})).collect();
    let config = json!({
        "created": "2024-01-02T03:04:05Z", "architecture": architecture, "os": "linux",
        "config": {"Env": ["A=b"], "Cmd": ["/x"], "OnBuild": ["RUN kept"]},
        "rootfs": {"type": "layers", "diff_ids": ids}, "history": history,
    });
    let config = config.to_string().into_bytes();
    let layers: Vec<Value> = packed.iter().map(|blob| described(OCI_GZIP, blob)).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": described(OCI_CONFIG, &config), "layers": layers, "annotations": {"kept": "yes"},
    });
    let manifest = manifest.to_string().into_bytes();
    let all = packed.into_iter().chain([config.clone(), manifest.clone()]);
    Sample {
        blobs: all.map(|blob| (Digest::of(&blob), blob)).collect(),
        manifest,
        config,
        tars: tars.to_vec(),
    }
}

/// Base of two layers, and the base with one more on top.
pub fn base_and_derived(salt: &str) -> (Sample, Sample) {
    let noise: Vec<u8> = (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let first = layer_tar(&[("a.txt", &noise), ("salt", salt.as_bytes())]);
    let second = layer_tar(&[("b.txt", b"b"), ("salt2", salt.as_bytes())]);
    let third = layer_tar(&[("c.txt", b"patched"), ("salt3", salt.as_bytes())]);
    let base = sample("amd64", &[first.clone(), second.clone()]);
    (base, sample("amd64", &[first, second, third]))
}

pub fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

/// An `index.json` entry for the sample.
pub fn entry(sample: &Sample, tag: Option<&str>) -> Value {
    let mut entry = described(OCI_MANIFEST, &sample.manifest);
    if let Some(tag) = tag {
        entry["annotations"] = json!({ REF_NAME: tag });
    }
    entry
}

pub fn index(entries: &[Value]) -> Vec<u8> {
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string().into_bytes()
}

/// Writes a layout with these samples' blobs and this list.
pub fn write_layout(root: &Path, samples: &[&Sample], index: &[u8]) {
    fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    for sample in samples {
        for (digest, bytes) in &sample.blobs {
            write_blob(root, digest, bytes);
        }
    }
    fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(root.join("index.json"), index).unwrap();
}

pub fn write_blob(root: &Path, digest: &Digest, bytes: &[u8]) {
    fs::write(blob(root, digest), bytes).unwrap();
}

pub fn blob(root: &Path, digest: &Digest) -> PathBuf {
    root.join("blobs/sha256").join(digest.hex())
}

/// A place for one test.
pub struct Bench {
    pub directory: tempfile::TempDir,
    pub store: Store,
}

impl Bench {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("cache")).unwrap();
        Self { directory, store }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A layout that holds just this sample.
    pub fn layout(&self, name: &str, sample: &Sample) -> LayoutSource {
        let root = self.path(name);
        write_layout(&root, &[sample], &index(&[entry(sample, Some("v1"))]));
        LayoutSource::new(&root, None)
    }

    pub fn load(&self, source: &dyn Source) -> Result<Image, Error> {
        load_image(source, &Platform::linux_amd64(), &self.store)
    }

    pub fn publish(&self, source: &dyn Source, sink: &dyn Sink, base: usize) -> Result<Receipt, Error> {
        let image = self.load(source)?;
        let outgoing = Outgoing {
            image: &image,
            store: &self.store,
            origin: source,
            base_layers: base,
            others: BTreeMap::new(),
        };
        sink.publish(&outgoing, &Silent)
    }

    /// Reads every blob of the image and checks it.
    pub fn assert_whole(&self, source: &dyn Source, want: &Sample) {
        let image = self.load(source).unwrap();
        assert_eq!(image.manifest.digest(), Digest::of(&want.manifest), "{}", source.name());
        assert_eq!(image.config.bytes(), want.config);
        for layer in &image.manifest.layers {
            let mut bytes = Vec::new();
            source.open(layer, 0).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(Digest::of(&bytes), layer.digest);
            let mut rest = Vec::new();
            source.open(layer, 7).unwrap().read_to_end(&mut rest).unwrap();
            assert_eq!(rest, bytes[7..]);
        }
    }
}

/// Whether `tool` is here. Where CI demands all checks, its absence is a failure.
pub fn has(tool: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {tool} || test -x /usr/sbin/{tool}")])
        .output()
        .unwrap()
        .status
        .success();
    if !found {
        println!("SKIPPED: `{tool}` is not installed");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "`{tool}` is not installed");
    }
    found
}

/// Runs a tool and wants success.
pub fn run(tool: &str, arguments: &[&str]) -> String {
    let out = Command::new(tool).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{tool} {arguments:?}: {text}{error}");
    text
}
