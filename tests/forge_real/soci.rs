//! SOCI indexes in a real registry, which has no list of referrers: version 1 by the tag that stands in for it, version 2
//! by the annotation. The zTOC is of SOCI's own library (fixtures/formats/make.sh).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use imgforge::oci::Digest;
use serde_json::Value;
use serde_json::json;

use crate::services::Service;
use crate::services::place;
use crate::stage::can_run;
use crate::stage::repository;
use crate::stage::run;
use crate::stage::said;
use crate::stage::swapped;

const BASE: &str =
    "from oci_layout import *\nwrite_layout('layout', {'base': Image([Layer().dir('/opt/lib')])})";
const STEP: &str = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"good.txt\", \"more\"] }\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const V1: &str = "application/vnd.amazon.soci.index.v1+json";
const V2: &str = "application/vnd.amazon.soci.index.v2+json";

/// A registry with the image `donor:1`, and what a build from it gives that reads its layer.
struct Stage {
    _place: tempfile::TempDir,
    work: PathBuf,
    registry: Service,
    /// The donor's manifest, and its descriptor.
    donor: (Value, Value),
    digest: Value,
}

impl Stage {
    fn new() -> Self {
        let temporary = place();
        let work = temporary.path().to_owned();
        let python = |code: &[&str]| {
            let mut python = Command::new("python3");
            python.arg("-B").args(code).current_dir(&work).env("PYTHONPATH", repository("fixtures"));
            python.output().unwrap().stdout
        };
        python(&["-c", BASE]);
        let blob = python(&[repository("fixtures/formats/stored.py").to_str().unwrap()]);
        let mut tar = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(blob.as_slice()), &mut tar).unwrap();
        let registry = Service::registry(&work.join("registry"), &[]);
        let donor = (Value::Null, Value::Null);
        let mut stage = Self { _place: temporary, work, registry, donor, digest: Value::Null };
        let layer = stage.put(&format!("{}+gzip", "application/vnd.oci.image.layer.v1.tar"), &blob);
        let config = json!({"architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar).to_string()]}});
        let config = stage.put(CONFIG, config.to_string().as_bytes());
        let donor = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        stage.donor = (donor.clone(), stage.put_manifest("1", &donor));
        let head = "schema = 1\nname = \"soci\"\n[base]\nimage = \"oci:layout:base\"\n";
        let text = format!("{head}[sources.donor]\nimage = \"{}\"\n{STEP}", stage.at("1"));
        let layout = format!("oci:{}:base", stage.work.join("layout").display());
        fs::write(stage.work.join("soci.toml"), text.replace("oci:layout:base", &layout)).unwrap();
        stage.digest = stage.build("honest", &[])["digest"].clone();
        stage.say("honest", &["lock", &stage.recipe()]);
        stage
    }

    fn at(&self, tag: &str) -> String {
        format!("docker://{}/donor:{tag}", self.registry.get("address"))
    }

    fn recipe(&self) -> String {
        self.work.join("soci.toml").display().to_string()
    }

    fn send(&self, method: &str, more: &[&str], url: &str) -> String {
        run("curl", &[&["--silent", "--show-error", "--fail", "-X", method], more, &[url]].concat())
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/v2/donor/{rest}", self.registry.get("address"))
    }

    /// Puts a blob into the repository; its descriptor.
    fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        let file = self.work.join("sent");
        fs::write(&file, bytes).unwrap();
        let digest = Digest::of(bytes).to_string();
        let opened = self.send("POST", &["-D", "-", "-o", "/dev/null"], &self.url("blobs/uploads/"));
        let place = opened.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim();
        let data = format!("@{}", file.display());
        let kind = "Content-Type: application/octet-stream";
        self.send("PUT", &["-H", kind, "--data-binary", &data], &format!("{place}&digest={digest}"));
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Puts a manifest or index under a tag; its descriptor.
    fn put_manifest(&self, tag: &str, document: &Value) -> Value {
        let (file, text) = (self.work.join("sent"), document.to_string());
        fs::write(&file, &text).unwrap();
        let media = document["mediaType"].as_str().unwrap();
        let (kind, data) = (format!("Content-Type: {media}"), format!("@{}", file.display()));
        self.send("PUT", &["-H", &kind, "--data-binary", &data], &self.url(&format!("manifests/{tag}")));
        json!({"mediaType": media, "digest": Digest::of(text.as_bytes()).to_string(), "size": text.len()})
    }

    /// Puts a SOCI index with one zTOC, which says that it has `size` bytes.
    fn put_soci(&self, version: &str, ztoc: &[u8], size: usize) -> Value {
        let mut blob = self.put("application/octet-stream", ztoc);
        blob["size"] = json!(size);
        blob["annotations"] = json!({"com.amazon.soci.image-layer-digest": self.donor.0["layers"][0]["digest"],
            "com.amazon.soci.image-layer-mediaType": self.donor.0["layers"][0]["mediaType"]});
        let config = self.put(version, b"{}");
        let mut index =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [blob]});
        if version == V1 {
            index["subject"] = self.donor.1.clone();
        }
        self.put_manifest("soci", &index)
    }

    /// As `soci push` does where there is no list of referrers.
    fn refer(&self, ztoc: &[u8], size: usize) {
        let mut soci = self.put_soci(V1, ztoc, size);
        soci["artifactType"] = json!(V1);
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [soci]});
        self.put_manifest(&self.donor.1["digest"].as_str().unwrap().replace(':', "-"), &list);
    }

    /// What the registry has answered since it began: the requests that hold this, and the bytes of their bodies.
    fn asked(&self, part: &str) -> (usize, u64) {
        let log = fs::read_to_string(self.work.join("registry/registry.log")).unwrap();
        // `"GET /v2/… HTTP/1.1" 200 1234 "" "agent"`
        let lines = log
            .lines()
            .filter_map(|line| line.split_once("\"GET "))
            .filter(|(_, rest)| rest.split('"').next().is_some_and(|request| request.contains(part)));
        let sizes: Vec<u64> = lines
            .filter_map(|(_, rest)| rest.split('"').nth(1)?.split_whitespace().nth(1)?.parse().ok())
            .collect();
        (sizes.len(), sizes.iter().sum())
    }

    fn layer(&self) -> (String, u64) {
        let layer = &self.donor.0["layers"][0];
        (layer["digest"].as_str().unwrap().to_owned(), layer["size"].as_u64().unwrap())
    }

    /// How much of the layer the registry sends while this is done.
    fn sent(&self, done: &mut dyn FnMut()) -> u64 {
        let (layer, _) = self.layer();
        let before = self.asked(&layer).1;
        done();
        // The line of a request comes right after its answer.
        std::thread::sleep(std::time::Duration::from_millis(200));
        self.asked(&layer).1 - before
    }

    fn say(&self, cache: &str, words: &[&str]) -> String {
        said(&self.work.join(cache), words)
    }

    fn build(&self, cache: &str, more: &[&str]) -> Value {
        let (recipe, out) = (self.recipe(), format!("oci:{}:x", self.work.join("out").display()));
        let words = [&["build", &recipe, "--output", &out, "--format", "json"], more].concat();
        serde_json::from_str(&self.say(cache, &words)).unwrap()
    }

    /// Builds with nothing in the cache; how much of the layer was sent, and how much came in all.
    fn cold(&self, more: &[&str]) -> (u64, u64) {
        drop(fs::remove_dir_all(self.work.join("cold")));
        let mut received = 0;
        let sent = self.sent(&mut || {
            let built = self.build("cold", more);
            assert_eq!(built["digest"], self.digest, "{more:?}");
            received = built["costs"]["fetched"].as_u64().unwrap();
        });
        (sent, received)
    }

    fn ls(&self, cache: &str, tag: &str) -> String {
        self.say(cache, &["ls", "--recursive", &self.at(tag), "/"])
    }
}

fn ztoc() -> Vec<u8> {
    let file = repository("fixtures/formats/stored.ztoc.zst");
    zstd::decode_all(fs::read(file).unwrap().as_slice()).unwrap()
}

#[test]
fn a_soci_index_spares_the_reading_of_a_layer() {
    if !can_run(&["docker-registry", "curl", "python3"]) {
        return;
    }
    let stage = Stage::new();
    let (layer, size) = stage.layer();
    let questions = |stage: &Stage| stage.asked("/referrers/").0 + stage.asked("/manifests/sha256-").0;
    let truth = stage.ls("honest", "1");
    assert_eq!(questions(&stage), 0, "asked though every layer is known");
    assert!(stage.cold(&["--locked", "--gate=off"]).0 >= size, "{layer} is not known");
    // No list of referrers, and no tag in its stead.
    assert_eq!(questions(&stage), 2);
    let ztoc = ztoc();
    stage.refer(&ztoc, ztoc.len());
    let sent = stage.sent(&mut || assert_eq!(stage.ls("listing", "1"), truth));
    assert_eq!(sent, 0, "a listing needs nothing of the layer");
    let (sent, received) = stage.cold(&["--locked", "--gate=off"]);
    assert!(0 < sent && received < size / 3, "{received} bytes came, {sent} of them of {size}");
    let before = questions(&stage);
    for more in [&["--locked"][..], &["--gate=off"], &[]] {
        assert!(stage.cold(more).0 >= size, "{more:?}: strangers were believed");
    }
    let cat = || stage.say("listing", &["cat", &stage.at("1"), "/d/good.txt"]);
    assert!(stage.sent(&mut || assert_eq!(cat(), "good bytes\n")) >= size, "strangers were believed");
    assert_eq!(questions(&stage), before, "asked by who must not believe it");
    // Version 2: the image names its index.
    let mut image = stage.donor.0.clone();
    let soci = stage.put_soci(V2, &ztoc, ztoc.len());
    image["annotations"] = json!({"com.amazon.soci.index-digest": soci["digest"]});
    stage.put_manifest("2", &image);
    assert_eq!(stage.sent(&mut || assert_eq!(stage.ls("second", "2"), truth)), 0);
    assert_eq!(questions(&stage), before, "asked though the image says it");
}

#[test]
fn a_soci_index_that_lies_or_is_damaged_does_no_harm() {
    if !can_run(&["docker-registry", "curl", "python3"]) {
        return;
    }
    let stage = Stage::new();
    let (_, size) = stage.layer();
    let truth = stage.ls("honest", "1");
    let ztoc = ztoc();
    stage.refer(&swapped(&ztoc, b"d/good.txt", b"d/evil.txt"), ztoc.len());
    assert_ne!(stage.ls("misled", "1"), truth, "who asks for strangers' words gets them");
    let (sent, _) = stage.cold(&["--locked", "--gate=off"]);
    assert!(sent >= size, "{sent}: the layer was not read");
    assert_eq!(stage.build("misled", &[])["digest"], stage.digest, "the lie stays with who asked");
    let mut flipped = ztoc.clone();
    flipped[100_000] ^= 1;
    let bad = [(&ztoc[..ztoc.len() / 2], ztoc.len() / 2), (&ztoc, ztoc.len() - 1), (&ztoc, usize::MAX >> 1)];
    for (number, (bytes, says)) in bad.into_iter().enumerate() {
        stage.refer(bytes, says);
        assert_eq!(stage.ls(&format!("bad-{number}"), "1"), truth);
        assert!(stage.cold(&["--locked", "--gate=off"]).0 >= size, "{number}");
    }
    // A window that is wrong leads to wrong bytes, or to none that are wanted.
    stage.refer(&flipped, flipped.len());
    stage.cold(&["--locked", "--gate=off"]);
    // Bytes that their own digest does not name.
    stage.refer(&ztoc, ztoc.len());
    let hex = Digest::of(&ztoc).hex();
    let data = format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
    fs::write(stage.work.join("registry/data").join(data), &flipped).unwrap();
    assert_eq!(stage.ls("damaged", "1"), truth);
    assert!(stage.cold(&["--locked", "--gate=off"]).0 >= size, "a zTOC with another digest was used");
}
