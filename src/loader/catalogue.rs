//! Every ELF file of a tree, by path and by the names it answers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::View;
use crate::index::Object;
use crate::layer::Node;
use crate::oci::ImagePath;

/// Every ELF file of a tree. Hard links are listed under each name.
#[derive(Debug, Default)]
pub struct Catalogue {
    objects: BTreeMap<ImagePath, Arc<Object>>,
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
            catalogue.objects.insert(path.clone(), object);
        }
        catalogue
    }

    /// The ELF file at exactly this path.
    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&Arc<Object>> {
        self.objects.get(path)
    }

    /// All ELF files by path.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Arc<Object>)> {
        self.objects.iter()
    }

    /// Files whose name or SONAME is `name`, sorted by path.
    #[must_use]
    pub fn named(&self, name: &str) -> &[ImagePath] {
        self.names.get(name).map(Vec::as_slice).unwrap_or_default()
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
        for object in self.objects.values().filter(|object| matches!(object.facts.kind, 2 | 3)) {
            *counts.entry((object.facts.class, object.facts.machine)).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(native, _)| native)
    }
}
