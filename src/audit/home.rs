//! The loaded library that a symbol must come from, and does not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Case;
use super::alike;
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

/// Homes that were found: the answer is the same in every process where a file has the same company.
#[derive(Default)]
pub(super) struct Known {
    companies: BTreeMap<(usize, Vec<Option<usize>>, Vec<usize>), usize>,
    homes: BTreeMap<(usize, usize, bool), Option<usize>>,
}

impl Known {
    /// A number for an object with what it needs, itself and in all, in the order of loading.
    pub(super) fn company(&mut self, world: &World, object: usize) -> usize {
        let file = |index: usize| world.objects[index].number;
        let direct = world.objects[object].needed.iter().map(|needed| needed.map(file)).collect();
        let below = world.closure(object).into_iter().map(file).collect();
        let next = self.companies.len();
        *self.companies.entry((file(object), direct, below)).or_insert(next)
    }
}

impl Homes<'_> {
    /// As [`Homes::find`], for the reference of this number of an object whose company has this number.
    pub(super) fn recall(
        &self,
        known: &mut Known,
        company: usize,
        object: usize,
        at: usize,
    ) -> Result<Option<usize>, ObjectError> {
        let symbol = &self.symbols[object].undefined[at];
        let key = (company, at, self.world.has_gap_for(&symbol.name));
        if let Some(home) = known.homes.get(&key) {
            let mut objects = self.world.objects.iter();
            return Ok(home.and_then(|number| objects.position(|mapped| mapped.number == number)));
        }
        let home = self.find(object, symbol)?;
        known.homes.insert(key, home.map(|home| self.world.objects[home].number));
        Ok(home)
    }

    /// The object whose symbol this is, when nothing else can give it. The surest goes first: the loaded library
    /// that the reference names with its version; one that `object` needs itself and that has the same name of
    /// another release, or with other parameters; among all that `object` needs one that defines others of the
    /// same class; one that it needs itself and that the symbol's namespace is called after; and, where no library
    /// is missing, one that it needs itself and that has others of the same namespace or prefix. `None` when
    /// another file of the tree defines the symbol.
    fn find(&self, object: usize, symbol: &Undefined) -> Result<Option<usize>, ObjectError> {
        let family = Family::of(&symbol.name);
        let linked = self.linked(object, symbol).or_else(|| self.alike(object, &symbol.name));
        let (home, weak) = match (linked, &family) {
            (Some(home), _) => (home, true),
            (None, Some(family)) => match self.relative(object, family, &symbol.name) {
                Some(home) => (home, family.is_template()),
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        Ok((!self.is_elsewhere(home, symbol, weak)?).then_some(home))
    }

    /// The library that the reference itself names: it has the version, and not the symbol.
    fn linked(&self, object: usize, symbol: &Undefined) -> Option<usize> {
        let need = symbol.version.as_ref()?;
        let mapped = &self.world.objects[object];
        let at = mapped.object.facts.needed.iter().position(|name| *name == need.file)?;
        let home = (*mapped.needed.get(at)?)?;
        let version = Some(need.version.as_str());
        self.symbols[home].defined.iter().any(|defined| defined.version.as_deref() == version).then_some(home)
    }

    /// A library that the object needs itself and that has a name all but the same.
    fn alike(&self, object: usize, name: &str) -> Option<usize> {
        let mut direct = self.direct(object);
        direct.find(|index| alike::has_alike(&self.symbols[*index], name))
    }

    /// The library that has the nearest relatives of a symbol.
    fn relative(&self, object: usize, family: &Family, name: &str) -> Option<usize> {
        let direct: BTreeSet<usize> = self.direct(object).collect();
        let gaps = self.world.has_gap_for(name);
        let rank = |index: usize| {
            let near = direct.contains(&index);
            let named =
                || alike::is_named_after(&self.symbols[index], &stem(&self.world.objects[index].file), name);
            match family.home(&self.symbols[index]) {
                Home::Certain => Home::Certain,
                _ if near && !matches!(family, Family::Prefix(_)) && named() => Home::Certain,
                Home::Likely if near && !gaps => Home::Likely,
                _ if near && !gaps && named() => Home::Likely,
                _ => Home::No,
            }
        };
        let others = self.world.closure(object).into_iter().filter(|index| *index != object);
        let best = others.map(|index| (rank(index), index)).filter(|(home, _)| *home != Home::No).max();
        best.map(|(_, home)| home)
    }

    /// What the object needs itself.
    fn direct(&self, object: usize) -> impl Iterator<Item = usize> {
        self.world.objects[object].needed.iter().flatten().copied().filter(move |index| *index != object)
    }

    /// Whether a file that is not loaded, and no other copy of `home`, defines the symbol; a weak definition counts
    /// where those at `home` may be weak.
    fn is_elsewhere(&self, home: usize, symbol: &Undefined, weak: bool) -> Result<bool, ObjectError> {
        let (known, hash) = (stem(&self.world.objects[home].file), elf::hash(&symbol.name));
        for (number, (path, _)) in self.case.loader.catalogue.iter().enumerate() {
            let symbols = self.case.symbols_of(number, path)?;
            let mut defined = symbols.definitions_by(&symbol.name, hash).iter();
            if defined.any(|defined| weak || !defined.weak) && stem(path) != known {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a library is called in every build of it.
fn stem(path: &ImagePath) -> String {
    elf::stem(&String::from_utf8_lossy(path.name())).into_owned()
}
