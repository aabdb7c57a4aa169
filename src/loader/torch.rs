//! `import torch`, which goes before every extension that is built on torch: its package does it, or the
//! extension does not load. What torch has loaded is found by SONAME then, whatever else lies in a search path.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Catalogue;
use crate::oci::ImagePath;

/// What `torch/__init__.py` opens first, with `RTLD_GLOBAL` (`_load_global_deps`): it needs the libraries of
/// CUDA and has no symbols of its own.
const GLOBAL: &str = "libtorch_global_deps.so";
/// The extension module that `import torch` then loads.
const MODULE: &str = "_C.";

/// Every torch of a tree with the packages that are built on it.
#[derive(Debug, Default)]
pub(super) struct Torches {
    sites: BTreeMap<ImagePath, Torch>,
}

#[derive(Debug, Default)]
struct Torch {
    before: Vec<(ImagePath, bool)>,
    /// Entries of `site-packages`, or single modules, that need a library of torch.
    users: BTreeSet<ImagePath>,
}

impl Torches {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut sites = BTreeMap::new();
        for library in catalogue.named(GLOBAL) {
            let torch = library.parent().and_then(|lib| lib.parent()).unwrap_or_default();
            let Some(site) = torch.parent().filter(|_| torch.name() == b"torch") else { continue };
            let module = |path: &ImagePath| {
                path.parent().as_ref() == Some(&torch) && path.name().starts_with(MODULE.as_bytes())
            };
            let module = catalogue.iter().map(|(path, _)| path).find(|path| module(path)).cloned();
            let before = std::iter::once((library.clone(), true)).chain(module.map(|path| (path, false)));
            let torch = Torch { before: before.collect(), users: users(catalogue, &site, &torch) };
            sites.insert(site, torch);
        }
        Self { sites }
    }

    /// What is opened before `subject`, and whether with `RTLD_GLOBAL`; nothing for what does not need torch,
    /// and for torch itself.
    pub(super) fn before(&self, subject: &ImagePath) -> Vec<(ImagePath, bool)> {
        let up = subject.ancestors();
        let near = self.sites.iter().rev().find(|(site, _)| up.contains(site));
        let user = near.filter(|(_, torch)| torch.users.iter().any(|user| subject.is_within(user)));
        user.map(|(_, torch)| torch.before.clone()).unwrap_or_default()
    }
}

fn users(catalogue: &Catalogue, site: &ImagePath, torch: &ImagePath) -> BTreeSet<ImagePath> {
    let of_torch = |name: &String| {
        let plain = name.starts_with("libtorch") || name.starts_with("libc10");
        plain && catalogue.named(name).iter().any(|path| path.is_within(torch))
    };
    let users = catalogue.iter().filter(|(path, object)| {
        path.is_within(site) && !path.is_within(torch) && object.facts.needed.iter().any(of_torch)
    });
    users.filter_map(|(path, _)| below(path, site)).collect()
}

/// The entry of `site` that `path` is, or is in.
fn below(path: &ImagePath, site: &ImagePath) -> Option<ImagePath> {
    let mut up = path.ancestors();
    up.push(path.clone());
    up.into_iter().find(|place| place.parent().as_ref() == Some(site))
}
