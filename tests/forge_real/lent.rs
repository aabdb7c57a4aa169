//! Indexes that lie, in a real registry: who asks to believe them is misled, and nobody else ever is, whatever became of
//! the cache in between.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::oci::Digest;
use serde_json::Value;
use serde_json::json;

use crate::services::Service;
use crate::services::place;
use crate::stage::can_run;
use crate::stage::ran;
use crate::stage::said;
use crate::stage::skopeo;
use crate::stage::swapped;
use crate::stage::write_images;

const IMAGES: &str = r#"
from oci_layout import *
base = Layer().dir("/opt/lib", 0o755).file("/opt/lib/conf.txt", b"mode = slow\nuser = good\n").file("/opt/lib/gone", b"g")
donor = Layer().file("/d/good.txt", b"good bytes\n", 0o755).file("/d/evil.txt", b"EVIL bytes, more\n", 0o755)
donor.file("/d/more", Noise(3000000, 1), 0o755)
write_layout("layout", {"base": Image([base, Layer().whiteout("/opt/lib/gone")]), "donor": Image([donor])})
"#;

const PATCH: &str =
    "schema = 1\nname = \"speed\"\n[[edit]]\nregex = 'mode = slow'\ncount = 1\nreplace = \"mode = fast\"\n";

const STEPS: &str = r#"
[[step]]
graft = { from = "donor", root = "/d", into = "/opt/lib", files = ["good.txt", "more"] }
[[step]]
patch = { file = "/opt/lib/conf.txt", with = "p.toml" }
"#;

/// What an honest build says, and the file it makes of the configuration.
struct Stage {
    _place: tempfile::TempDir,
    work: PathBuf,
    registry: Service,
    digest: Value,
    lock: String,
}

impl Stage {
    fn new() -> Self {
        let temporary = place();
        let work = temporary.path().to_owned();
        write_images(&work, IMAGES);
        let registry = Service::registry(&work.join("registry"), &[]);
        let (digest, lock) = (Value::Null, String::new());
        let mut stage = Self { _place: temporary, work, registry, digest, lock };
        for name in ["base", "donor"] {
            stage.copy(&format!("layout:{name}"), &format!("{name}:1"));
        }
        let (base, donor) = (stage.at("base:1"), stage.at("donor:1"));
        let head = format!(
            "schema = 1\nname = \"lent\"\n[base]\nimage = \"{base}\"\n[sources.donor]\nimage = \"{donor}\"\n"
        );
        fs::write(stage.work.join("lent.toml"), head + STEPS).unwrap();
        fs::write(stage.work.join("p.toml"), PATCH).unwrap();
        stage.digest = stage.build("honest", &[]);
        stage.say("honest", &["lock", &stage.recipe()]);
        stage.lock = fs::read_to_string(stage.work.join("lent.lock")).unwrap();
        for image in [&base, &donor] {
            stage.say("honest", &["index", "push", image, &stage.at("indexes")]);
            stage.say("honest", &["index", "push", image, &format!("oci:{}", stage.lies().display())]);
        }
        stage
    }

    fn at(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.registry.get("address"))
    }

    fn recipe(&self) -> String {
        self.work.join("lent.toml").display().to_string()
    }

    fn lies(&self) -> PathBuf {
        self.work.join("lies")
    }

    fn copy(&self, from: &str, to: &str) {
        let from = format!("oci:{}", self.work.join(from).display());
        skopeo(&["copy", "-q", "--preserve-digests", "--dest-tls-verify=false", &from, &self.at(to)]);
    }

    fn say(&self, cache: &str, words: &[&str]) -> String {
        said(&self.work.join(cache), words)
    }

    fn build(&self, cache: &str, more: &[&str]) -> Value {
        let (recipe, out) = (self.recipe(), format!("oci:{}:x", self.work.join("out").display()));
        let words = [&["build", &recipe, "--output", &out, "--format", "json"], more].concat();
        serde_json::from_str::<Value>(&self.say(cache, &words)).unwrap()["digest"].clone()
    }

    fn ls(&self, cache: &str, image: &str, more: &[&str]) -> String {
        self.say(cache, &[&["ls", "--recursive", &self.at(image), "/"], more].concat())
    }

    fn cat(&self, cache: &str) -> String {
        self.say(cache, &["cat", &self.at("donor:1"), "/d/good.txt"])
    }

    /// Puts a changed index of this layer into the registry's repository `lies`, where the others are honest.
    fn lie(&self, (image, layer): (&str, usize), change: &dyn Fn(Vec<u8>) -> Vec<u8>) {
        let blob = self.layer(image, layer);
        for tag in tags(&self.lies()) {
            self.copy(&format!("lies:{tag}"), &format!("lies:{tag}"));
        }
        let tag = format!("zidx3-{}", blob.file_name().unwrap().to_str().unwrap());
        let told = self.work.join("told");
        drop(fs::remove_dir_all(&told));
        ran(Command::new("cp").arg("-r").arg(self.lies()).arg(&told));
        rewrite(&told, &tag, change);
        self.copy(&format!("told:{tag}"), &format!("lies:{tag}"));
    }

    fn layer(&self, image: &str, number: usize) -> PathBuf {
        let layout = self.work.join("layout");
        let manifest = crate::stage::manifest(&layout, image);
        let digest = crate::stage::layers(&manifest).swap_remove(number).0;
        layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
    }
}

fn tags(layout: &Path) -> Vec<String> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let name =
        |one: &Value| one["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap().to_owned();
    index["manifests"].as_array().unwrap().iter().map(name).collect()
}

/// Changes the first frame of the bundle with this tag, and every digest on the way to it.
fn rewrite(layout: &Path, tag: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>) {
    let blob = |digest: &Value| {
        layout.join("blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"))
    };
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        (json!(digest.to_string()), json!(bytes.len()))
    };
    let read = |digest: &Value| serde_json::from_slice::<Value>(&fs::read(blob(digest)).unwrap()).unwrap();
    let mut index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let all = index["manifests"].as_array_mut().unwrap();
    let one =
        all.iter_mut().find(|one| one["annotations"]["org.opencontainers.image.ref.name"] == tag).unwrap();
    let mut manifest = read(&one["digest"]);
    let bytes =
        zstd::decode_all(fs::read(blob(&manifest["layers"][0]["digest"])).unwrap().as_slice()).unwrap();
    let (length, rest) = bytes.split_at(8);
    let (head, parts) =
        rest.split_at(usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap());
    let lie = change(head.to_vec());
    assert_ne!(lie, head, "no lie");
    let bundle = [&(lie.len() as u64).to_le_bytes(), lie.as_slice(), parts].concat();
    let (digest, size) = put(&zstd::encode_all(bundle.as_slice(), 3).unwrap());
    (manifest["layers"][0]["digest"], manifest["layers"][0]["size"]) = (digest.clone(), size);
    let mut config = read(&manifest["config"]["digest"]);
    config["rootfs"]["diff_ids"] = json!([digest]);
    (manifest["config"]["digest"], manifest["config"]["size"]) = put(config.to_string().as_bytes());
    (one["digest"], one["size"]) = put(manifest.to_string().as_bytes());
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
}

/// The head with a text of the configuration that the layer does not have.
fn with_text(stage: &Stage, mut head: Vec<u8>) -> Vec<u8> {
    let mut tar = Vec::new();
    let blob = fs::File::open(stage.layer("base", 0)).unwrap();
    flate2::read::GzDecoder::new(blob).read_to_end(&mut tar).unwrap();
    let offset = tar.windows(11).position(|bytes| bytes == b"mode = slow").unwrap();
    let text = b"mode = slow\nuser = evil\n";
    assert_eq!(head.pop(), Some(0), "a map of texts, which is empty, ends the head");
    head.push(1);
    let mut number = offset;
    while number > 127 {
        head.push(u8::try_from(number & 127).unwrap() | 128);
        number >>= 7;
    }
    head.extend([u8::try_from(number).unwrap(), u8::try_from(text.len()).unwrap()]);
    head.extend(text);
    head
}

fn age(directory: &Path) {
    ran(Command::new("find").arg(directory).args([
        "-type",
        "f",
        "-exec",
        "touch",
        "-d",
        "10 days ago",
        "{}",
        "+",
    ]));
}

/// Everything that does not ask for strangers' words, after something that did.
fn nobody_else_is_misled(stage: &Stage, image: &str, what: &str) {
    let from = format!("--index-from={}", stage.at("lies"));
    let listed = [stage.ls("honest", "base:1", &[]), stage.ls("honest", "donor:1", &[])];
    let mislead = |cache: &str| {
        drop(fs::remove_dir_all(stage.work.join(cache)));
        let told = [stage.ls(cache, "base:1", &[&from]), stage.ls(cache, "donor:1", &[&from])];
        assert!(stage.work.join(cache).join("notes/lent-layers-12").exists(), "{what}: nothing was borrowed");
        // A text is in no listing.
        assert!(told != listed || what == "text", "{what}: the lie is not there");
    };
    mislead("one");
    assert_eq!(stage.build("one", &[]), stage.digest, "{what}: a build without a lock file");
    mislead("two");
    stage.say("two", &["lock", &stage.recipe()]);
    assert_eq!(fs::read_to_string(stage.work.join("lent.lock")).unwrap(), stage.lock, "{what}: lock");
    mislead("three");
    assert_eq!(stage.cat("three"), "good bytes\n", "{what}");
    mislead("four");
    age(&stage.work.join("four"));
    stage.ls("four", image, &[]);
    stage.say("four", &["cache", "prune", "--age", "7d"]);
    assert_eq!(stage.cat("four"), "good bytes\n", "{what}: after a prune");
    assert_eq!(stage.build("four", &[]), stage.digest, "{what}: after a prune");
    mislead("five");
    let words = ["index", "push", &stage.at(image), &stage.at("indexes"), "--format", "json"];
    let pushed: Value = serde_json::from_str(&stage.say("five", &words)).unwrap();
    let all = pushed["pushed"].as_array().unwrap();
    assert!(all.iter().all(|one| one["present"] == true), "{what}: a lie was passed on: {pushed}");
    // Where a lock file says what must come of it, strangers may be asked, and a lie costs a reading.
    for more in [&["--locked"][..], &["--locked", &from], &["--locked", &from, "--gate=off"]] {
        mislead("six");
        assert_eq!(stage.build("six", more), stage.digest, "{what}: {more:?}");
        drop(fs::remove_dir_all(stage.work.join("six")));
        assert_eq!(stage.build("six", more), stage.digest, "{what}: {more:?}, cold");
    }
}

#[test]
fn a_lie_of_a_shared_index_stays_with_those_who_asked_for_it() {
    if !can_run(&["docker-registry", "skopeo", "python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.lie(("base", 0), &|head| with_text(&stage, head));
    nobody_else_is_misled(&stage, "base:1", "text");
    stage.lie(("donor", 0), &|head| swapped(&head, b"good.txt", b"evil.txt"));
    nobody_else_is_misled(&stage, "donor:1", "names");
    stage.lie(("base", 1), &|head| swapped(&head, b"lib/gone", b"lib/gonf"));
    nobody_else_is_misled(&stage, "base:1", "whiteout");
    // 0755 becomes 06755, and the other way round.
    stage.lie(("donor", 0), &|head| swapped(&head, &[0xed, 0x03], &[0xed, 0x1b]));
    nobody_else_is_misled(&stage, "donor:1", "modes");
}
