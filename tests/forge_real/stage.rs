//! What the stories share: fixtures that are built once, the program, and other people's tools.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::sync::OnceLock;

use imgforge::oci::Digest;
use serde_json::Value;

/// The base's tag, in both fixtures.
pub(crate) const BASE: &str = "h100-v19-flashinfer-stub";
/// The donor's tag, in both fixtures.
pub(crate) const DONOR: &str = "1.2.0rc5";
/// Where the base has its Python packages.
pub(crate) const SITE: &str = "/opt/dynamo/venv/lib/python3.11/site-packages";

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether all tools are here, and we are root. Where CI demands all checks, an absence is a failure.
pub(crate) fn can_run(tools: &[&str]) -> bool {
    let look = |tool: &&str| {
        let script = format!("PATH=$PATH:/usr/sbin:/sbin command -v {tool}");
        let found = Command::new("sh").args(["-c", &script]).output().unwrap();
        !found.status.success()
    };
    let mut missing: Vec<String> =
        tools.iter().filter(|tool| look(tool)).map(|tool| format!("`{tool}` is not installed")).collect();
    if run("id", &["-u"]).trim() != "0" {
        missing.push("needs root: owners in images must be what they are".to_owned());
    }
    for why in &missing {
        skipped(why);
    }
    missing.is_empty()
}

/// Says that a check is left out; fails where none may be.
pub(crate) fn skipped(why: &str) {
    println!("SKIPPED: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "skipped in CI: {why}");
}

fn output(command: &mut Command) -> Output {
    let done = command.output();
    done.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command and wants success; its standard output.
pub(crate) fn ran(command: &mut Command) -> String {
    let done = output(command);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {}\n{text}{error}", done.status);
    text
}

/// Runs a tool and wants success; its standard output.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> String {
    ran(Command::new(tool).args(arguments))
}

/// `skopeo`, whatever the machine's policy says.
pub(crate) fn skopeo(arguments: &[&str]) -> String {
    run("skopeo", &[&["--insecure-policy"], arguments].concat())
}

/// What one run of the program came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs imgforge with a cache of its own in `cache`.
pub(crate) fn imgforge(cache: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    command.args(arguments).args(["--progress", "none"]);
    command.env("IMGFORGE_CACHE_DIR", cache);
    for name in ["REGISTRY_AUTH_FILE", "DOCKER_HOST", "DOCKER_CONFIG"] {
        command.env_remove(name);
    }
    let done = output(&mut command);
    Ran {
        code: done.status.code(),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// Runs imgforge with a cache of its own in `cache`, and wants success; its standard output.
pub(crate) fn said(cache: &Path, words: &[&str]) -> String {
    let ran = imgforge(cache, words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}{}", ran.out, ran.err);
    ran.out
}

/// What a liar makes of these bytes: each of two words of one length stands where the other did.
pub(crate) fn swapped(bytes: &[u8], one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (from, to) in [(one, two), (two, one)] {
        for at in 0..=bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                out[at..at + to.len()].copy_from_slice(to);
            }
        }
    }
    assert_ne!(out, bytes, "no lie");
    out
}

/// Writes images into `work` with fixtures/oci_layout.py, by a script of its user.
pub(crate) fn write_images(work: &Path, script: &str) {
    let mut python = Command::new("python3");
    python.args(["-B", "-c", script]).current_dir(work).env("PYTHONPATH", repository("fixtures"));
    ran(&mut python);
}

/// `build` of one of the repository's recipes, which must go well: what `--metadata-file` says.
pub(crate) fn build(work: &Path, recipe: &str, mirrors: &[String; 2], more: &[&str]) -> Value {
    let (recipe, metadata) = (repository("recipes").join(recipe), work.join("metadata.json"));
    let mut words = vec!["build", recipe.to_str().unwrap(), "--var", "python=3.11"];
    for mirror in mirrors {
        words.extend(["--mirror", mirror]);
    }
    words.extend(["--metadata-file", metadata.to_str().unwrap()]);
    words.extend(more);
    let ran = imgforge(&work.join("cache"), &words);
    assert_eq!(ran.code, Some(0), "{words:?}\n{}{}", ran.out, ran.err);
    serde_json::from_slice(&fs::read(metadata).unwrap()).unwrap()
}

/// Both public registries stood in for by one layout.
pub(crate) fn layout_mirrors(layout: &Path) -> [String; 2] {
    ["public.ecr.aws", "nvcr.io"].map(|host| format!("{host}=oci:{}", layout.display()))
}

/// The layout of the real fixture: built when its sources have changed since.
pub(crate) fn real() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        built("real", |out| {
            ran(Command::new("python3.11").arg(repository("fixtures/real/build.py")).arg("--out").arg(out));
        })
    })
}

/// The layout of the mini fixture: built when its sources have changed since.
pub(crate) fn mini() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = |out: &Path| {
            ran(Command::new(repository("fixtures/mini/build.sh")).arg(out));
        };
        built("mini", build).join("layout")
    })
}

/// Runs `build` into a directory that is kept from run to run, under the digest of all fixtures' sources.
fn built(name: &str, build: impl FnOnce(&Path)) -> PathBuf {
    let sources = digest_of_sources();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("forge-real-{name}"));
    let stamp = place.join("sources");
    let out = place.join("out");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == sources) {
        return out;
    }
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&place).unwrap();
    build(&out);
    fs::write(stamp, sources).unwrap();
    out
}

/// One digest for everything that the images are made of here: programs, pins, sources, not what they made.
fn digest_of_sources() -> String {
    let names = "cd \"$1\" && find . -name out -prune -o -name __pycache__ -prune -o -type f -print0 \
                 | LC_ALL=C sort -z | xargs -0 sha256sum";
    let list = run("sh", &["-c", names, "sh", repository("fixtures").to_str().unwrap()]);
    Digest::of(list.as_bytes()).to_string()
}

/// `fixtures/real/prove.sh`: the image uses this backend, and moves 64 KiB over it.
pub(crate) fn prove(layout: &Path, tag: &str, backend: &str, more: &[&str]) {
    let image = format!("{}:{tag}", layout.display());
    let mut command = Command::new(repository("fixtures/real/prove.sh"));
    let done = output(command.args(more).args([&image, backend]));
    let text = String::from_utf8_lossy(&done.stdout);
    if done.status.code() == Some(77) {
        skipped(text.trim());
        return;
    }
    let said = text.contains(&format!("PROVED: {image} uses {backend}"));
    assert!(done.status.success() && said, "{image}: {text}");
}

/// A document of a layout.
pub(crate) fn blob(layout: &Path, digest: &str) -> Value {
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The manifest of a layout's tag.
pub(crate) fn manifest(layout: &Path, tag: &str) -> Value {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == tag;
    let all = index["manifests"].as_array().unwrap();
    let entry = all.iter().find(named).unwrap_or_else(|| panic!("{tag} in {index}"));
    blob(layout, entry["digest"].as_str().unwrap())
}

/// Digests and sizes of a manifest's layers, bottom first.
pub(crate) fn layers(manifest: &Value) -> Vec<(String, u64)> {
    let layer =
        |layer: &Value| (layer["digest"].as_str().unwrap().to_owned(), layer["size"].as_u64().unwrap());
    manifest["layers"].as_array().unwrap().iter().map(layer).collect()
}
