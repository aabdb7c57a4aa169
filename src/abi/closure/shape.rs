//! What a file says of the shapes of classes, and which names it has.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::abi;
use crate::elf;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::index::ObjectError;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// What is known of the classes of one file.
pub(super) struct Shape {
    pub(super) symbols: Arc<Symbols>,
    traits: Arc<Traits>,
}

impl Shape {
    pub(super) fn new(loader: &Loader<'_>, path: &ImagePath) -> Result<Self, ObjectError> {
        let Some(node) = loader.view.tree.get(path) else {
            return Ok(Self { symbols: Arc::default(), traits: Arc::default() });
        };
        let objects = loader.view.objects;
        Ok(Self { symbols: objects.symbols(path, node)?, traits: objects.traits(path, node)? })
    }

    /// Classes, as in their type information, whose size, bases or virtual table both know, and not the same.
    pub(super) fn differing(&self, other: &Self) -> BTreeSet<String> {
        let (mine, theirs) = (abi::sizes(&self.traits.layout), abi::sizes(&other.traits.layout));
        let sizes = mine.into_iter().filter_map(|(key, was)| {
            let will = theirs.get(&key)?.size;
            let certain = was.size.certain && will.certain;
            (certain && was.size.bytes != will.bytes).then_some(key.0)
        });
        let bases =
            self.traits.layout.bases.iter().filter(|(class, was)| {
                other.traits.layout.bases.get(*class).is_some_and(|will| will != *was)
            });
        let theirs = tables(&other.symbols);
        let tables = tables(&self.symbols)
            .into_iter()
            .filter(|(class, was)| theirs.get(class).is_some_and(|will| will != was));
        let tables = tables.map(|(class, _)| class.to_owned());
        sizes.chain(bases.map(|(class, _)| class.clone())).chain(tables).collect()
    }

    /// Schemas of the operators that it defines, as text.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.traits.texts.schemas.iter().map(String::as_str)
    }

    /// Classes that its own tables speak of.
    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        let bases = self.traits.layout.bases.iter();
        bases.flat_map(|(class, bases)| bases.iter().chain([class])).map(String::as_str)
    }
}

/// Sizes of virtual tables in bytes, by class.
fn tables(symbols: &Symbols) -> BTreeMap<&str, u64> {
    let tables = symbols.defined.iter().filter_map(|symbol| {
        let class = symbol.name.strip_prefix("_ZTV").filter(|class| elf::is_own(class))?;
        (symbol.size > 0).then_some((class, symbol.size))
    });
    tables.collect()
}
