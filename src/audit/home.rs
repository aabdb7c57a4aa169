//! The loaded library that a symbol must come from, and does not.

use std::sync::Arc;

use super::Case;
use super::family::Family;
use super::family::Home;
use crate::elf;
use crate::elf::Symbols;
use crate::elf::Undefined;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

/// A process whose libraries are asked for open symbols.
pub(super) struct Homes<'c> {
    pub(super) case: &'c Case<'c>,
    pub(super) world: &'c World,
    pub(super) symbols: &'c [Arc<Symbols>],
}

impl Homes<'_> {
    /// The object whose symbol this is by its name, when nothing else can give it: among what `object` needs one
    /// that defines others of the same class; or, where no library is missing, one that `object` needs itself
    /// and that has others of the same namespace or prefix. `None` when another file of the tree defines it.
    pub(super) fn find(&self, object: usize, symbol: &Undefined) -> Result<Option<usize>, ObjectError> {
        let Some(family) = Family::of(&symbol.name) else {
            return Ok(None);
        };
        let direct = &self.world.objects[object].needed;
        let closure = self.world.closure(object);
        let others = closure.into_iter().filter(|index| *index != object);
        let rank = |index: usize| match family.home(&self.symbols[index]) {
            Home::Likely if self.world.has_gaps() || !direct.contains(&Some(index)) => (Home::No, index),
            home => (home, index),
        };
        let best = others.map(rank).filter(|(home, _)| *home != Home::No).max();
        let Some((_, home)) = best else {
            return Ok(None);
        };
        Ok((!self.is_elsewhere(home, symbol)?).then_some(home))
    }

    /// Whether a file that is not loaded, and no other copy of `home`, defines the symbol.
    fn is_elsewhere(&self, home: usize, symbol: &Undefined) -> Result<bool, ObjectError> {
        let view = self.case.loader.view;
        let stem = |path: &ImagePath| elf::stem(&String::from_utf8_lossy(path.name())).into_owned();
        let known = stem(&self.world.objects[home].file);
        for (path, _) in self.case.loader.catalogue.iter() {
            let Some(node) = view.tree.get(path).filter(|_| stem(path) != known) else {
                continue;
            };
            let symbols = view.objects.symbols(path, node)?;
            if symbols.definitions(&symbol.name).iter().any(|defined| !defined.weak) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
