//! A directory with a cache, a home and images of its own, and the program run in it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use imgforge::oci::Digest;
use serde_json::Value;

/// What a run of the program came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard error must say this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in:\n{}", self.stderr);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// One test's own directory.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory }
    }

    /// A bench where another user can get at it: the build directory may be in a home that nobody else enters.
    pub(crate) fn for_another_user() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_imgforge"), directory.path().join("imgforge")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes images with fixtures/oci_layout.py: `script` fills the dict `tagged`. They are in `layout`.
    pub(crate) fn images(&self, script: &str) {
        let before = "import sys; from oci_layout import *\nfrom oci_tar import *\ntagged = {}\n";
        let after = "\nwrite_layout('layout', tagged)\n";
        let mut python = Command::new("python3");
        python.args(["-B", "-c", &format!("{before}{script}{after}")]);
        python.current_dir(self.directory.path()).env("PYTHONPATH", top().join("fixtures"));
        let done = python.output().expect("python3 is needed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A recipe on `oci:layout:base`, with `oci:layout:donor` as `donor` when a step names it.
    pub(crate) fn recipe(&self, name: &str, steps: &str) -> String {
        let donor = if steps.contains("from = \"donor\"") {
            "[sources.donor]\nimage = \"oci:layout:donor\"\n"
        } else {
            ""
        };
        let text =
            format!("schema = 1\nname = \"{name}\"\n[base]\nimage = \"oci:layout:base\"\n{donor}{steps}\n");
        let file = format!("{name}.toml");
        self.write(&file, &text);
        file
    }

    /// The program, in this directory, with nothing of the caller's environment but the path.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
        command.args(args).current_dir(self.directory.path()).env_clear();
        command.env("PATH", env_path()).env("HOME", self.path("home"));
        command.env("IMGFORGE_CACHE_DIR", self.path("cache"));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }

    /// Builds `steps` on the images of this directory into `oci:out:NAME`; it must succeed.
    #[track_caller]
    pub(crate) fn forge(&self, name: &str, steps: &str) -> Forged {
        let recipe = self.recipe(name, steps);
        let output = format!("oci:out:{name}");
        let run = self.run(&["build", &recipe, "--output", &output, "--format", "json"]).exits(0);
        Forged { said: run.json(), stderr: run.stderr, layout: self.path("out") }
    }

    /// Builds `steps`; it must end with this code, and leave nothing at its output.
    #[track_caller]
    pub(crate) fn refuse(&self, code: i32, steps: &str) -> Ran {
        let recipe = self.recipe("refused", steps);
        let run = self.run(&["build", &recipe, "--output", "oci:refused:x"]).exits(code);
        assert!(!self.path("refused").exists(), "something was written");
        run
    }

    /// The arguments that lead the real recipes to the mini fixtures.
    pub(crate) fn mini_args(&self) -> Vec<String> {
        let layout = mini().join("layout");
        let (python, layout) = (mini_fact("PYTHON_VERSION"), layout.display());
        let mirror = |host: &str| format!("--mirror={host}=oci:{layout}");
        vec![format!("--var=python={python}"), mirror("public.ecr.aws"), mirror("nvcr.io")]
    }

    /// Runs the program with the mini fixtures in place of the real images.
    pub(crate) fn on_mini(&self, args: &[&str]) -> Ran {
        let mini = self.mini_args();
        let all: Vec<&str> = args.iter().copied().chain(mini.iter().map(String::as_str)).collect();
        self.run(&all)
    }

    /// A recipe of the repository with lines taken out, in this directory.
    pub(crate) fn edited_recipe(&self, name: &str, edit: impl Fn(&str) -> Option<String>) -> String {
        let text = fs::read_to_string(top().join("recipes").join(name)).unwrap();
        let patches = top().join("patches").display().to_string();
        let text = text.replace("../patches", &patches);
        let lines: Vec<String> = text.lines().filter_map(edit).collect();
        self.write(name, &lines.join("\n"));
        name.to_owned()
    }
}

/// A built image.
pub(crate) struct Forged {
    pub(crate) said: Value,
    pub(crate) stderr: String,
    pub(crate) layout: PathBuf,
}

impl Forged {
    pub(crate) fn digest(&self) -> &str {
        self.said["digest"].as_str().unwrap()
    }

    pub(crate) fn manifest(&self) -> Value {
        json_blob(&self.layout, self.digest())
    }

    pub(crate) fn config(&self) -> Value {
        json_blob(&self.layout, self.manifest()["config"]["digest"].as_str().unwrap())
    }

    /// The blob of the layer that was added.
    pub(crate) fn layer(&self) -> Vec<u8> {
        let digest = self.said["layer"]["digest"].as_str().expect("a layer was added");
        fs::read(blob(&self.layout, digest)).unwrap()
    }
}

pub(crate) fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
}

pub(crate) fn json_blob(layout: &Path, digest: &str) -> Value {
    serde_json::from_slice(&fs::read(blob(layout, digest)).unwrap()).unwrap()
}

/// The digest that a layout has for a tag; `None` when it has no such tag.
pub(crate) fn tagged(layout: &Path, tag: &str) -> Option<String> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).ok()?).unwrap();
    let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == tag;
    let entry = index["manifests"].as_array()?.iter().find(named)?.clone();
    Some(entry["digest"].as_str()?.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "tests run the program with the caller's path")]
pub(crate) fn env_path() -> String {
    std::env::var("PATH").unwrap()
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let done = command.output().unwrap();
    Ran {
        code: done.status.code(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A test that cannot run says so; in CI that is a failure.
#[expect(clippy::disallowed_methods, reason = "CI is the caller's to set")]
pub(crate) fn skipped(why: &str) {
    println!("SKIPPED: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "SKIPPED: {why}");
}

/// Whether a tool is there; says what is skipped when not.
pub(crate) fn has(tool: &str) -> bool {
    let found = env_path().split(':').any(|directory| Path::new(directory).join(tool).is_file());
    if !found {
        skipped(&format!("{tool} is not installed"));
    }
    found
}

/// The mini fixtures, made once for each state of what they are made of.
pub(crate) fn mini() -> &'static Path {
    static MINI: OnceLock<PathBuf> = OnceLock::new();
    MINI.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mini-{}", mini_key()));
        if !place.join("fixture.env").exists() {
            let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let made = ran(Command::new(top().join("fixtures/mini/build.sh")).arg(work.path())).exits(0);
            assert!(made.stdout.contains("PYTHON_VERSION"), "{}", made.stdout);
            // Another test binary may have been first: then its fixtures are as good.
            drop(fs::rename(work.path(), &place));
        }
        place
    })
}

/// One line of the mini fixtures' facts.
pub(crate) fn mini_fact(name: &str) -> String {
    let text = fs::read_to_string(mini().join("fixture.env")).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// A name for the state of all the files that the mini fixtures are made of.
fn mini_key() -> String {
    let mut files = vec![top().join("fixtures/oci_layout.py"), top().join("fixtures/oci_tar.py")];
    let mut directories = vec![top().join("fixtures/mini")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.file_name().to_str().unwrap() {
                "out" | "__pycache__" => {}
                _ if entry.path().is_dir() => directories.push(entry.path()),
                _ => files.push(entry.path()),
            }
        }
    }
    files.sort();
    let all: String = files.iter().map(|file| Digest::of(&fs::read(file).unwrap()).to_string()).collect();
    Digest::of(all.as_bytes()).short().to_owned()
}

/// Waits until something is so; a minute is too long.
#[track_caller]
pub(crate) fn wait_for(what: &str, so: impl Fn() -> bool) {
    for _ in 0..1200 {
        if so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("waited a minute for {what}");
}
