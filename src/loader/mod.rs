//! A model of glibc's dynamic loader over an image's tree. It runs nothing.
//!
//! Three sets of rules, each in its own file: which file a name means (`search.rs`), whether it has the
//! versions (`versions.rs`), and who gives a symbol (`bind.rs`). The rules follow the image's own glibc
//! where it matters (`system.rs`). Sources: glibc `elf/dl-load.c`, `elf/dl-version.c`, `elf/dl-lookup.c`.
//!
//! A file is judged in the company it has when it runs: a program as itself, a Python extension or a library
//! of a Python package inside the interpreter (`python.rs`), what is built on torch after torch (`torch.rs`), and
//! whatever else somebody says (`entry.rs`). Does not know musl, `dlopen` by name, `dlmopen`,
//! `LD_AUDIT`, or the working directory: relative search directories find nothing.

mod accept;
mod beyond;
mod bind;
pub mod cache;
mod catalogue;
mod directories;
mod entry;
mod gaps;
mod outside;
mod place;
mod platform;
mod process;
mod python;
mod refused;
mod scripts;
mod search;
mod start;
mod system;
mod torch;
mod unique;
mod versions;

use std::collections::BTreeMap;

use entry::Entry;

pub use beyond::Beyond;
pub use catalogue::Catalogue;
pub use entry::Company;
pub use process::Mapped;
pub use process::Missing;
pub use process::World;
pub use python::Python;
pub use refused::STATIC_TLS;
pub use system::System;
pub use versions::MissingVersion;

pub use crate::index::ObjectError;
pub use crate::index::Objects;

use crate::oci::ImagePath;
use crate::rootfs::Rootfs;

/// A tree whose files can be asked, and the environment its processes start with.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The tree.
    pub tree: &'a Rootfs,
    /// Its contents.
    pub objects: &'a dyn Objects,
    /// `Env` of the image's configuration.
    pub env: &'a BTreeMap<String, String>,
}

/// A view with what the loader needs to know of the whole image, found once.
pub struct Loader<'a> {
    /// The tree and its contents.
    pub view: View<'a>,
    /// Defaults of the image's glibc.
    pub system: System,
    /// Every ELF file of the tree.
    pub catalogue: Catalogue,
    /// Names of libraries that the host brings, with `*` at the end for any rest.
    host: Vec<String>,
    /// What a tree without a C library has to have.
    promised: outside::Promised,
    /// In which company files are said to be loaded.
    companies: Vec<Company>,
    torches: torch::Torches,
    directories: directories::Directories,
}

impl<'a> Loader<'a> {
    /// Looks the image over. `host` names libraries that the host injects at run time, besides the
    /// NVIDIA driver's own.
    ///
    /// # Errors
    /// `/etc/ld.so.cache` or a RECORD is there and cannot be read.
    pub fn new(view: View<'a>, host: &[String]) -> Result<Self, ObjectError> {
        let catalogue = Catalogue::of(view);
        let system = System::new(view, &catalogue)?;
        let driver = ["libcuda.so.1", "libnvidia-*", "libcudadebugger.so.1", "libnvcuvid.so.1"];
        let host = driver.into_iter().map(str::to_owned).chain(host.iter().cloned());
        let promised = outside::Promised::new(view)?;
        let torches = torch::Torches::of(&catalogue);
        Ok(Self {
            view,
            system,
            catalogue,
            host: host.collect(),
            promised,
            companies: Vec::new(),
            torches,
            directories: directories::Directories::default(),
        })
    }

    /// The same, which knows in what company files are loaded.
    #[must_use]
    pub fn with(self, companies: Vec<Company>) -> Self {
        Self { companies, ..self }
    }

    /// The regular file that this absolute path means, all links followed inside the image.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<ImagePath> {
        place::file(self.view.tree, path).map(|(file, _)| file)
    }

    /// What this absolute path leads to, all links followed inside the image, and `..` behind them.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<ImagePath> {
        place::canonical(self.view.tree, path)
    }

    /// Whether the container runtime puts this library into the container (nvidia-container-toolkit), or
    /// the recipe says that the host does.
    #[must_use]
    pub fn is_host_library(&self, name: &str) -> bool {
        self.host.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    }

    /// Whether a library that is not in the tree belongs to a system of which the tree is only a part.
    fn is_outside(&self, name: &str) -> bool {
        self.system.bare && self.promised.is_outside(name)
    }

    /// Whether the library is one that every system with glibc has, by the policies of manylinux.
    #[must_use]
    pub fn is_platform(&self, name: &str) -> bool {
        platform::is_platform(name)
    }

    /// Whether a package of the tree says that it brings this library: its RECORD lists it, or its name has the
    /// hash that auditwheel puts in.
    #[must_use]
    pub fn is_promised(&self, name: &str) -> bool {
        self.promised.has(name)
    }

    /// Loads `subject` with all it needs, in the company it has when it runs. `None` when it is no ELF file
    /// of the tree.
    ///
    /// # Errors
    /// The interpreter's `pyvenv.cfg` is there and cannot be read.
    pub fn load(&self, subject: &ImagePath) -> Result<Option<World>, ObjectError> {
        Ok(World::load(self, subject, Entry::of(self, subject)?, true))
    }

    /// As [`Loader::load`], in a process that has no `LD_LIBRARY_PATH`.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub fn load_plain(&self, subject: &ImagePath) -> Result<Option<World>, ObjectError> {
        Ok(World::load(self, subject, Entry::of(self, subject)?, false))
    }

    /// The interpreter that loads `subject`; `None` for programs and for files of no Python installation.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub fn python(&self, subject: &ImagePath) -> Result<Option<Python>, ObjectError> {
        if self.catalogue.is_program(subject) {
            return Ok(None);
        }
        Python::of(self, subject)
    }
}
