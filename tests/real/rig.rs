//! The images, the services and the program, for tests.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

use serde_json::Value;

/// The base's tag, as the recipes name it.
pub(crate) const BASE: &str = "h100-v19-flashinfer-stub";
/// The donor's tag.
pub(crate) const DONOR: &str = "1.2.0rc5";

/// The repository.
pub(crate) fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A command whose tools may be in `sbin`, as on Debian.
#[expect(clippy::disallowed_methods, reason = "a test starts programs with the caller's PATH")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).current_dir(top());
    command
}

/// Runs a command and gives its standard output; a failure shows all it said.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// All that a command said.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The layout with both images, made once. It is made anew where packages or scripts changed: that costs half a minute.
pub(crate) fn images() -> &'static Path {
    static IMAGES: OnceLock<PathBuf> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("real");
        let build = top().join("fixtures/real/build.py");
        run(command("/usr/bin/python3").arg(build).arg("--out").arg(&out));
        out
    })
}

/// A directory of this test's own, emptied.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("scratch").join(name);
    drop(fs::remove_dir_all(&directory));
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// imgforge with a cache that the tests share, and nothing of the user's settings.
pub(crate) fn imgforge() -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_imgforge"));
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("home");
    command.env("HOME", &home).env("IMGFORGE_CACHE_DIR", home.join("cache"));
    command.args(["--quiet", "--color", "never"]);
    command
}

/// `imgforge build` of a recipe on the layout's images; gives the metadata.
pub(crate) fn build(recipe: &str, work: &Path, options: &[&str]) -> Value {
    let metadata = work.join("metadata.json");
    let layout = images().display();
    let mut build = imgforge();
    build.args(["build", recipe, "--var", "python=3.11"]).arg("--metadata-file").arg(&metadata);
    build.args([
        "--mirror",
        &format!("public.ecr.aws=oci:{layout}"),
        "--mirror",
        &format!("nvcr.io=oci:{layout}"),
    ]);
    run(build.args(options));
    serde_json::from_slice(&fs::read(metadata).unwrap()).unwrap()
}

/// Proves which backend an image uses, in a chroot, with two processes and 64 KiB.
pub(crate) fn prove(image: &str, backend: &str, options: &[&str]) {
    // Each proof makes a network of its own with fixed addresses, and wants both cores.
    let _turn = turn();
    run(command(top().join("fixtures/real/prove.sh")).args(options).args([image, backend]));
}

fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A service that ends with this value.
pub(crate) struct Service {
    facts: BTreeMap<String, String>,
}

impl Service {
    /// Starts `fixtures/services/NAME.sh` with its data in `work`.
    pub(crate) fn start(name: &str, work: &Path, options: &[&str]) -> Self {
        let script = top().join("fixtures/services").join(format!("{name}.sh"));
        let text = run(command(script).arg("--dir").arg(work.join(name)).args(options));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let unquote = |value: &str| value.trim_matches(['\'', '"']).to_owned();
        Self { facts: pairs.map(|(key, value)| (key.to_owned(), unquote(value))).collect() }
    }

    /// One of the facts that the script printed.
    pub(crate) fn get(&self, key: &str) -> &str {
        &self.facts[key]
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pids = self.facts["pids"].split_whitespace();
        drop(command(top().join("fixtures/services/stop.sh")).args(pids).status());
    }
}
