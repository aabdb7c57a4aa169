//! Every ELF file of a tree, by path, by number and by the names it answers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::View;
use crate::index::Object;
use crate::layer::Node;
use crate::oci::ImagePath;

/// Every ELF file of a tree. Hard links are listed under each name. The files are numbered from 0 in the order of
/// their paths, so that whoever asks much about them need not compare paths.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Sorted by path.
    files: Vec<(ImagePath, Arc<Object>)>,
    names: BTreeMap<String, Vec<ImagePath>>,
}

impl Catalogue {
    /// Every ELF file of a view.
    #[must_use]
    pub fn of(view: View<'_>) -> Self {
        let mut catalogue = Self::default();
        for (path, node) in view.tree.iter() {
            if !matches!(node.entry.node, Node::File(_)) {
                continue;
            }
            let Some(object) = view.objects.object(path, node) else {
                continue;
            };
            let own = String::from_utf8_lossy(path.name()).into_owned();
            let soname = object.facts.soname.clone().filter(|soname| *soname != own);
            for name in soname.into_iter().chain([own]) {
                catalogue.names.entry(name).or_default().push(path.clone());
            }
            catalogue.files.push((path.clone(), object));
        }
        catalogue
    }

    /// How many files there are: all numbers are below this.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.files.len()
    }

    /// The number of the ELF file at exactly this path.
    #[must_use]
    pub fn number(&self, path: &ImagePath) -> Option<usize> {
        self.files.binary_search_by(|(other, _)| other.cmp(path)).ok()
    }

    /// The ELF file at exactly this path.
    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Arc<Object>> {
        self.object(self.number(path)?)
    }

    /// The ELF file of this number.
    #[must_use]
    pub fn object(&self, number: usize) -> Option<&Arc<Object>> {
        self.files.get(number).map(|(_, object)| object)
    }

    /// All ELF files by path, which is by number.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Arc<Object>)> {
        self.files.iter().map(|(path, object)| (path, object))
    }

    /// Files whose name or SONAME is `name`, sorted by path.
    #[must_use]
    pub fn named(&self, name: &str) -> &[ImagePath] {
        self.names.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Files whose name or SONAME begins with `start`, by that name.
    pub fn beginning_with(&self, start: &str) -> impl Iterator<Item = (&str, &[ImagePath])> {
        let from = self.names.range::<str, _>((std::ops::Bound::Included(start), std::ops::Bound::Unbounded));
        let names = from.map(|(name, files)| (name.as_str(), files.as_slice()));
        names.take_while(move |(name, _)| name.starts_with(start))
    }

    /// Whether the file at this path is a program, not a library.
    #[must_use]
    pub fn is_program(&self, path: &ImagePath) -> bool {
        self.get(path).is_some_and(|object| object.facts.is_program())
    }

    /// Class and machine of most files that the dynamic loader could load.
    #[must_use]
    pub fn native(&self) -> Option<(u8, u16)> {
        let mut counts: BTreeMap<(u8, u16), usize> = BTreeMap::new();
        for (_, object) in self.iter().filter(|(_, object)| matches!(object.facts.kind, 2 | 3)) {
            *counts.entry((object.facts.class, object.facts.machine)).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(native, _)| native)
    }
}
