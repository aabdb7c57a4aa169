//! Small libraries made with gcc, and trees of this machine's own files.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::index::ImageObjects;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::loader::View;
use imgforge::oci::ImagePath;
use imgforge::rootfs::Rootfs;
use imgforge::store::Store;

pub(crate) use skip::skipped;

pub(crate) fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success())
}

pub(crate) fn path(text: impl AsRef<Path>) -> ImagePath {
    ImagePath::absolute(text.as_ref().to_str().unwrap()).unwrap()
}

/// A scratch directory with a compiler.
pub(crate) struct Rig {
    directory: tempfile::TempDir,
}

impl Rig {
    /// `None`, and said so, where there is no gcc.
    pub(crate) fn new() -> Option<Self> {
        if !has("gcc") || !has("g++") {
            skipped("no gcc");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        Some(Self { directory })
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// A path below the scratch directory, with its parents made.
    pub(crate) fn at(&self, relative: &str) -> PathBuf {
        let path = self.root().join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// Compiles `source` to `out`; `{root}` in an argument is the scratch directory.
    pub(crate) fn cc(&self, out: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let out = self.at(out);
        let cpp = arguments.contains(&"c++");
        let input = self.at(if cpp { "src.cc" } else { "src.c" });
        fs::write(&input, source).unwrap();
        let root = self.root().to_str().unwrap().to_owned();
        let arguments = arguments.iter().filter(|argument| **argument != "c++");
        let status = Command::new(if cpp { "g++" } else { "gcc" })
            .args(["-fPIC", "-o"])
            .arg(&out)
            .arg(&input)
            .args(arguments.map(|argument| argument.replace("{root}", &root)))
            .status()
            .unwrap();
        assert!(status.success(), "cannot compile {}", out.display());
        fs::remove_file(input).unwrap();
        out
    }

    /// A shared library with a SONAME.
    pub(crate) fn library(&self, out: &str, soname: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let soname = format!("-Wl,-soname,{soname}");
        let mut all = vec!["-shared", soname.as_str()];
        all.extend(arguments);
        self.cc(out, source, &all)
    }

    /// A version script, for `-Wl,--version-script=`.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        let path = self.at(name);
        fs::write(&path, text).unwrap();
        format!("-Wl,--version-script={}", path.display())
    }
}

/// Adds a file, a link or a directory of this machine under its own path.
pub(crate) fn add(changes: &mut Changeset, host: &Path) {
    let Ok(meta) = fs::symlink_metadata(host) else {
        return;
    };
    let node = if meta.is_symlink() {
        Node::Symlink(fs::read_link(host).unwrap().into_os_string().into_encoded_bytes())
    } else if meta.is_dir() {
        Node::Directory
    } else {
        Node::File(Content::Bytes(fs::read(host).unwrap()))
    };
    let meta = Meta::root(meta.mode() & 0o7777);
    changes.upserts.insert(path(host), Entry { meta, node });
}

/// Adds a directory with all below it.
pub(crate) fn add_all(changes: &mut Changeset, directory: &Path) {
    add(changes, directory);
    for entry in fs::read_dir(directory).unwrap() {
        let host = entry.unwrap().path();
        if host.is_dir() && !host.is_symlink() {
            add_all(changes, &host);
        } else {
            add(changes, &host);
        }
    }
}

/// The C and C++ run-time libraries of this machine, its loader and its cache.
pub(crate) fn system() -> Changeset {
    let mut changes = Changeset::default();
    for link in ["/lib", "/lib64", "/etc/ld.so.cache"] {
        add(&mut changes, Path::new(link));
    }
    let directory = Path::new("/usr/lib/x86_64-linux-gnu");
    for name in
        ["libc.so.6", "libm.so.6", "libdl.so.2", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"]
    {
        let host = directory.join(name);
        add(&mut changes, &host);
        if let Ok(real) = host.canonicalize() {
            add(&mut changes, &real);
        }
    }
    changes
}

/// A folded tree with its contents and environment.
pub(crate) struct Image {
    pub(crate) tree: Rootfs,
    pub(crate) objects: ImageObjects,
    pub(crate) env: BTreeMap<String, String>,
    _store: tempfile::TempDir,
}

impl Image {
    pub(crate) fn new(layers: &[&Changeset], env: &[(&str, &str)]) -> Self {
        let store = tempfile::tempdir().unwrap();
        let objects = ImageObjects::new(&Store::open(store.path()).unwrap(), []);
        Self {
            tree: Rootfs::fold(0, layers, true).unwrap(),
            objects,
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            _store: store,
        }
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { tree: &self.tree, objects: &self.objects, env: &self.env }
    }
}
