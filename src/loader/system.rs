//! The defaults of an image's own glibc.

use super::Catalogue;
use super::ObjectError;
use super::View;
use super::cache;
use super::cache::Cache;
use super::place;
use crate::oci::ImagePath;

/// CPU levels that get their own directories, best first. H100-class hosts have all but perhaps the first;
/// a library that is only in a level's directory is rare, one that is in both behaves the same.
const LEVELS: [&str; 2] = ["x86-64-v3", "x86-64-v2"];
/// Directories below each searched one, since glibc 2.33 and up to 2.36: with both, the newer go first.
const NEWER: [&str; 2] = ["glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2"];
const OLDER: [&str; 7] =
    ["tls/haswell/x86_64", "tls/haswell", "tls/x86_64", "tls", "haswell/x86_64", "haswell", "x86_64"];

/// Where programs of musl name their loader (musl `configure`, `ldso`).
const MUSL: [&str; 4] = [
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
    "/lib/ld-musl-i386.so.1",
    "/lib/ld-musl-armhf.so.1",
];

/// What the image's dynamic loader was built with.
#[derive(Debug, Clone)]
pub struct System {
    /// `2.N` of the image's glibc, from the name of its libc, else the highest `GLIBC_2.N` that its libraries define;
    /// `None` without glibc.
    pub glibc: Option<u32>,
    /// The tree has no C library at all: it is a part of a system that is not here.
    pub bare: bool,
    /// Class and machine of most of its files.
    pub native: Option<(u8, u16)>,
    /// There is a loader of musl.
    pub musl: bool,
    /// What `$LIB` stands for.
    pub lib: String,
    /// What `$PLATFORM` stands for.
    pub platform: &'static str,
    /// Directories searched last.
    pub directories: Vec<String>,
    /// Directories below each searched one that are tried before it.
    pub(super) levels: Vec<&'static str>,
    pub(super) cache: Cache,
    /// Names in `/etc/ld.so.preload`.
    pub(super) preload: Vec<String>,
}

impl System {
    pub(super) fn new(view: View<'_>, catalogue: &Catalogue) -> Result<Self, ObjectError> {
        let native = catalogue.native();
        let machine = native.map_or(62, |(_, machine)| machine);
        let triplet = match machine {
            183 => "aarch64-linux-gnu",
            3 => "i386-linux-gnu",
            _ => "x86_64-linux-gnu",
        };
        let debian = place::canonical(view.tree, &format!("/usr/lib/{triplet}")).is_some();
        let wide = if machine == 3 { "lib" } else { "lib64" };
        let lib = if debian { format!("lib/{triplet}") } else { wide.to_owned() };
        let mut directories = vec![format!("/{lib}"), format!("/usr/{lib}")];
        if debian {
            directories.extend(["/lib".to_owned(), "/usr/lib".to_owned()]);
        }
        let glibc = glibc(catalogue, &directories);
        let mut levels = Vec::new();
        if let Some(version) = glibc.filter(|_| machine == 62) {
            levels.extend(NEWER.iter().filter(|_| version >= 33));
            levels.extend(OLDER.iter().filter(|_| version < 37));
        }
        let known = if levels.starts_with(&NEWER) { LEVELS.as_slice() } else { &[] };
        let read = |text: &str| match place::file(view.tree, text) {
            Some((path, node)) => Ok(view.objects.bytes(&path, node)?.unwrap_or_default()),
            None => Ok(Vec::new()),
        };
        let cache = read("/etc/ld.so.cache")?;
        let preload = preloads(&String::from_utf8_lossy(&read("/etc/ld.so.preload")?));
        Ok(Self {
            glibc,
            bare: catalogue.named("libc.so.6").is_empty(),
            native,
            musl: MUSL.iter().any(|path| place::canonical(view.tree, path).is_some()),
            lib,
            platform: if machine == 183 { "aarch64" } else { "x86_64" },
            directories,
            cache: cache::parse(&cache, machine, known),
            levels,
            preload,
        })
    }

    /// Whether an unversioned definition gives a versioned reference only when nothing better is there
    /// (glibc 2.42, BZ 29190).
    pub(super) fn exact_first(&self) -> bool {
        self.glibc.is_some_and(|version| version >= 42)
    }
}

/// Names of a preload file: separated by white space or colons, comments from `#` to the end of the line.
fn preloads(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let names = lines.flat_map(|line| line.split([':', ' ', '\t']));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn glibc(catalogue: &Catalogue, directories: &[String]) -> Option<u32> {
    let in_default = |path: &&ImagePath| {
        let directory = path.parent().map(|parent| place::text(&parent)).unwrap_or_default();
        directories.contains(&directory)
    };
    let library = |name: &str| {
        let named = catalogue.named(name);
        named.iter().find(in_default).or_else(|| named.first())
    };
    let libc = library("libc.so.6")?;
    // Up to 2.33 the file's own name tells, libc-2.31.so.
    let name = String::from_utf8_lossy(libc.name()).into_owned();
    let exact = name.strip_prefix("libc-2.").and_then(|rest| rest.strip_suffix(".so")?.parse().ok());
    // Not every release adds a version to libc, but few add none to any of these.
    let family = [Some(libc), library("libm.so.6"), library("ld-linux-x86-64.so.2")];
    let versions = family.into_iter().flatten().filter_map(|path| catalogue.get(path));
    let minors = versions.flat_map(|object| object.facts.version_defs.iter().filter_map(|name| minor(name)));
    exact.or_else(|| minors.max())
}

/// `N` of `GLIBC_2.N`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("GLIBC_2.")?.split('.').next()?.parse().ok()
}
