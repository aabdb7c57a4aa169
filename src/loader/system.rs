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

/// What the image's dynamic loader was built with.
#[derive(Debug, Clone)]
pub struct System {
    /// `2.N` of the image's glibc, from the highest `GLIBC_2.N` that its libc defines; `None` without glibc.
    pub glibc: Option<u32>,
    /// The tree has no C library at all: it is a part of a system that is not here.
    pub bare: bool,
    /// What `$LIB` stands for.
    pub lib: String,
    /// What `$PLATFORM` stands for.
    pub platform: &'static str,
    /// Directories searched last.
    pub directories: Vec<String>,
    /// Directories below each searched one that are tried before it.
    pub(super) levels: Vec<&'static str>,
    pub(super) cache: Cache,
}

impl System {
    pub(super) fn new(view: View<'_>, catalogue: &Catalogue) -> Result<Self, ObjectError> {
        let machine = catalogue.native().map_or(62, |(_, machine)| machine);
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
        let levels = match glibc {
            Some(version) if version >= 33 && machine == 62 => LEVELS.to_vec(),
            _ => Vec::new(),
        };
        let cache = match place::file(view.tree, "/etc/ld.so.cache") {
            Some((path, node)) => view.objects.bytes(&path, node)?.unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Self {
            glibc,
            bare: catalogue.named("libc.so.6").is_empty(),
            lib,
            platform: if machine == 183 { "aarch64" } else { "x86_64" },
            directories,
            cache: cache::parse(&cache, machine, &levels),
            levels,
        })
    }

    /// Whether an unversioned definition gives a versioned reference only when nothing better is there
    /// (glibc 2.42, BZ 29190).
    pub(super) fn exact_first(&self) -> bool {
        self.glibc.is_some_and(|version| version >= 42)
    }
}

fn glibc(catalogue: &Catalogue, directories: &[String]) -> Option<u32> {
    let in_default = |path: &&ImagePath| {
        let directory = path.parent().map(|parent| place::text(&parent)).unwrap_or_default();
        directories.contains(&directory)
    };
    let named = catalogue.named("libc.so.6");
    let libc = named.iter().find(in_default).or_else(|| named.first())?;
    let versions = &catalogue.get(libc)?.facts.version_defs;
    versions.iter().filter_map(|name| name.strip_prefix("GLIBC_2.")?.parse().ok()).max()
}
