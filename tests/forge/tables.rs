//! Donors whose layers carry a table of contents: `--locked` builds read it and the wanted files, where no audit decides.

use std::fs;
use std::path::PathBuf;

use imgforge::oci::Digest;
use serde_json::Value;
use serde_json::json;

use crate::rig;
use crate::rig::Bench;

const POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";
const CHECKSUM: &str = "io.github.containers.zstd-chunked.manifest-checksum";
const STEP: &str = "[[step]]\ngraft = { from = \"donor\", root = \"/opt/lib\", into = \"/opt/lib\", files = [\"text\", \"empty\"] }";

/// A layer of fixtures/formats and its descriptor.
fn fixture(name: &str) -> (Vec<u8>, Value) {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
    let all: Value = serde_json::from_slice(&fs::read(place.join("layers.json")).unwrap()).unwrap();
    (fs::read(place.join(name)).unwrap(), all[name].clone())
}

/// What is done to the entries of a table.
type Lie<'a> = &'a dyn Fn(&mut Vec<Value>);

/// The zstd:chunked layer with another table behind all it has.
fn telling(change: Lie<'_>) -> (Vec<u8>, Value) {
    let (mut blob, mut layer) = fixture("chunked.tar.zst");
    let numbers = layer["annotations"][POSITION].as_str().unwrap().split(':');
    let numbers: Vec<usize> = numbers.map(|number| number.parse().unwrap()).collect();
    let json = zstd::decode_all(&blob[numbers[0]..numbers[0] + numbers[1]]).unwrap();
    let mut table: Value = serde_json::from_slice(&json).unwrap();
    change(table["entries"].as_array_mut().unwrap());
    let packed = zstd::bulk::compress(table.to_string().as_bytes(), 1).unwrap();
    blob.extend([0x50, 0x2a, 0x4d, 0x18]);
    blob.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
    layer["annotations"][POSITION] = json!(format!("{}:{}:0:1", blob.len(), packed.len()));
    layer["annotations"][CHECKSUM] = json!(Digest::of(&packed).to_string());
    blob.extend(packed);
    layer["digest"] = json!(Digest::of(&blob).to_string());
    layer["size"] = json!(blob.len());
    (blob, layer)
}

/// A base, a donor of this layer in a layout of its own, and a recipe `tables.toml` with its lock file.
fn stage((blob, layer): &(Vec<u8>, Value)) -> (Bench, String) {
    let bench = Bench::new();
    bench.images("tagged['base'] = Image([Layer().dir('/opt/lib', 0o755)])\n");
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        let place = bench.path("donors/blobs/sha256");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(digest.hex()), bytes).unwrap();
        json!({"digest": digest.to_string(), "size": bytes.len()})
    };
    let named = |media: &str, mut blob: Value| {
        blob["mediaType"] = json!(media);
        blob
    };
    put(blob);
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["diffId"]]}});
    let config = named("application/vnd.oci.image.config.v1+json", put(config.to_string().as_bytes()));
    let media = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": media, "config": config, "layers": [layer]});
    let mut manifest = named(media, put(manifest.to_string().as_bytes()));
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "donor"});
    bench.write("donors/index.json", &json!({"schemaVersion": 2, "manifests": [manifest]}).to_string());
    bench.write("donors/oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}");
    let recipe = bench.recipe("tables", STEP);
    let text =
        fs::read_to_string(bench.path(&recipe)).unwrap().replace("oci:layout:donor", "oci:donors:donor");
    bench.write(&recipe, &text);
    let digest =
        bench.run(&["build", &recipe, "--output=oci:first:x", "--format=json"]).exits(0).json()["digest"]
            .clone();
    bench.run(&["lock", &recipe]).exits(0);
    (bench, digest.as_str().unwrap().to_owned())
}

/// Builds from nothing; how much was read.
fn cold(bench: &Bench, digest: &str, more: &[&str]) -> u64 {
    drop(fs::remove_dir_all(bench.path("cold")));
    let args = [&["build", "tables.toml", "--output=oci:out:x", "--format=json"], more].concat();
    let cache = bench.path("cold").display().to_string();
    let run = rig::ran(bench.command(&args).env("IMGFORGE_CACHE_DIR", cache)).exits(0).json();
    assert_eq!(run["digest"], digest, "{more:?}");
    run["costs"]["read"].as_u64().unwrap()
}

#[test]
fn a_locked_build_reads_the_table_and_the_wanted_files() {
    for name in ["chunked.tar.zst", "estargz.tar.zst", "estargz.tar.gz"] {
        let made = fixture(name);
        let layer = made.0.len() as u64;
        let (bench, digest) = stage(&made);
        let whole = cold(&bench, &digest, &["--locked"]);
        assert!(whole > layer, "{name}: an audit had a table's word for a donor");
        let whole = cold(&bench, &digest, &["--gate=off"]);
        assert!(whole > layer, "{name}: a table was believed without a lock file");
        let parts = cold(&bench, &digest, &["--locked", "--gate=off"]);
        // The base, 2 KB of text, and a table of 1 to 5 KB.
        assert!(parts < 10_000, "{name}: {parts} of {whole} bytes, the layer has {layer}");
    }
}

#[test]
fn a_table_that_lies_does_no_harm() {
    let at = |entries: &[Value], name: &str| {
        entries.iter().position(|entry| entry["name"] == format!("opt/lib/{name}")).unwrap()
    };
    let swap = |entries: &mut Vec<Value>| {
        let (one, two) = (at(entries, "text"), at(entries, "noise"));
        let start = entries[one]["offset"].clone();
        entries[one]["offset"] = std::mem::replace(&mut entries[two]["offset"], start);
        (entries[one]["endOffset"], entries[two]["endOffset"]) = (json!(27474), json!(27474));
    };
    let mode = |entries: &mut Vec<Value>| {
        let text = at(entries, "text");
        entries[text]["mode"] = json!(0o4777);
    };
    let gone = |entries: &mut Vec<Value>| {
        let text = at(entries, "text");
        entries[text]["name"] = json!("opt/lib/other");
    };
    let lies: [Lie<'_>; 3] = [&swap, &mode, &gone];
    for (number, lie) in lies.into_iter().enumerate() {
        let made = telling(lie);
        let (bench, digest) = stage(&made);
        let read = cold(&bench, &digest, &["--locked", "--gate=off"]);
        assert!(read > made.0.len() as u64, "lie {number}: the layer was not read");
    }
    // The same place for a table that tells the truth.
    let made = telling(&|_| {});
    let (bench, digest) = stage(&made);
    assert!(cold(&bench, &digest, &["--locked", "--gate=off"]) < made.0.len() as u64);
}

#[test]
fn a_listing_is_read_out_of_the_table() {
    let (bench, _) = stage(&fixture("chunked.tar.zst"));
    let list = |cache: &str| {
        let cache = bench.path(cache).display().to_string();
        let args = ["ls", "oci:donors:donor", "/", "-R", "--format=json"];
        rig::ran(bench.command(&args).env("IMGFORGE_CACHE_DIR", cache)).exits(0).stdout
    };
    assert_eq!(list("other"), list("cache"), "the table and the layer");
    let layer = fixture("chunked.tar.zst").1["digest"].as_str().unwrap().to_owned();
    let notes = |kind: &str| bench.path("other/notes").join(kind).exists();
    assert!(notes("tables-1") && !notes("layers-12"), "the layer was read");
    // A file's bytes are the layer's own.
    let cache = bench.path("other").display().to_string();
    let args = ["cat", "oci:donors:donor", "/opt/lib/few"];
    assert_eq!(rig::ran(bench.command(&args).env("IMGFORGE_CACHE_DIR", cache)).exits(0).stdout, "few");
    assert!(notes("layers-12"), "{layer} was not read");
}
