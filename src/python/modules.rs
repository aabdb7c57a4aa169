//! Which files of a tree are modules, as Python finds them (`importlib/_bootstrap_external.py`, `FileFinder`): a
//! package before an extension before a file.

use std::collections::BTreeSet;

use crate::oci::ImagePath;

/// What there is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The modules of a tree.
pub struct Modules<'a> {
    /// What there is at a path, if that is a file or directory.
    pub kind: &'a dyn Fn(&ImagePath) -> Option<Kind>,
    /// Extension modules, without what follows the first dot of their names.
    pub extensions: BTreeSet<ImagePath>,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// Its directory, when it is a package.
    pub(super) directory: Option<ImagePath>,
    /// Its file; none of a package without one.
    pub(super) file: Option<ImagePath>,
}

impl Modules<'_> {
    /// The module that a file of the tree imports under a name such as `a.b` or `..c`; `None` when it is not in the
    /// tree, is no Python, or could be several.
    pub(super) fn find(&self, from: &ImagePath, name: &str) -> Option<Module> {
        let below = name.trim_start_matches('.');
        let level = name.len() - below.len();
        let mut parts = below.split('.').filter(|part| !part.is_empty());
        let mut module = if level > 0 {
            let mut directory = from.parent()?;
            for _ in 1..level {
                directory = directory.parent()?;
            }
            self.package(directory)
        } else {
            self.top(from, parts.next()?)?
        };
        for part in parts {
            module = self.inside(&module, part)?;
        }
        Some(module)
    }

    /// The module of this name in a package.
    pub(super) fn inside(&self, package: &Module, name: &str) -> Option<Module> {
        self.child(package.directory.as_ref()?, name)
    }

    /// A package or file above `from`, in a directory that is no package itself.
    fn top(&self, from: &ImagePath, name: &str) -> Option<Module> {
        let roots =
            from.ancestors().into_iter().filter(|directory| self.package(directory.clone()).file.is_none());
        let mut found =
            roots.filter_map(|root| self.child(&root, name)).filter(|module| module.file.is_some());
        let module = found.next()?;
        found.next().is_none().then_some(module)
    }

    fn child(&self, directory: &ImagePath, name: &str) -> Option<Module> {
        let stem = directory.join(name).ok()?;
        let package = self.package(stem.clone());
        if package.file.is_some() {
            return Some(package);
        }
        if self.extensions.contains(&stem) {
            return None;
        }
        let file = directory.join(format!("{name}.py")).ok()?;
        if (self.kind)(&file) == Some(Kind::File) {
            return Some(Module { directory: None, file: Some(file) });
        }
        ((self.kind)(&stem) == Some(Kind::Directory)).then_some(package)
    }

    fn package(&self, directory: ImagePath) -> Module {
        let file = directory.join("__init__.py").ok().filter(|file| (self.kind)(file) == Some(Kind::File));
        Module { directory: Some(directory), file }
    }
}
