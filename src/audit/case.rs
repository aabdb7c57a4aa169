//! One tree, prepared for the checks: which files are in scope, and the processes they run in.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;

use super::Donor;
use super::Policy;
use super::affected;
use super::operators;
use super::operators::Verdicts;
use super::unbound;
use super::unbound::Unbound;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::finding::RecipeSpot;
use crate::loader::Loader;
use crate::loader::Mapped;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;
use crate::python::Script;
use crate::recipe::AuditOptions;

/// A donor with what the loader knows of it.
pub(super) struct DonorCase<'a> {
    pub(super) donor: &'a Donor<'a>,
    pub(super) loader: Loader<'a>,
}

/// One tree, as checks see it.
pub struct Case<'a> {
    /// The tree.
    pub(super) loader: Loader<'a>,
    /// Files in scope.
    pub(super) affected: BTreeSet<ImagePath>,
    /// Of each file of the catalogue, whether it is in scope.
    in_scope: Vec<bool>,
    /// Names that files of the tree need, without directories.
    asked: BTreeSet<String>,
    /// Every file in scope is in at least one of these.
    pub(super) worlds: Vec<World>,
    /// What the build changes, without what it puts there again as it was; empty for the tree before.
    pub(super) changed: BTreeMap<ImagePath, RecipeSpot>,
    /// Every path that the build writes, in either tree.
    pub(super) touched: BTreeSet<ImagePath>,
    /// What the files must fit.
    pub(super) policy: Option<&'a Policy>,
    /// The tree before, for the tree after.
    pub(super) before: Option<&'a Self>,
    /// Where files came from; none for the tree before.
    pub(super) donors: &'a [DonorCase<'a>],
    /// `[audit]` of the recipe.
    pub(super) options: &'a AuditOptions,
    operators: OnceLock<Verdicts>,
    /// Symbols by the numbers of files.
    symbols: Vec<OnceLock<Arc<Symbols>>>,
    unbound: OnceLock<Vec<Unbound>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        loader: Loader<'a>,
        names: BTreeSet<String>,
        changed: &BTreeMap<ImagePath, RecipeSpot>,
        options: &'a AuditOptions,
    ) -> Result<Self, ObjectError> {
        let affected = affected::files(&loader, names, changed.keys());
        let in_scope = loader.catalogue.iter().map(|(path, _)| affected.contains(path)).collect();
        let worlds = worlds(&loader, &affected)?;
        let touched = changed.keys().cloned().collect();
        let needed = loader.catalogue.iter().flat_map(|(_, object)| object.facts.needed.iter());
        let asked = needed.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned()).collect();
        let symbols = (0..loader.catalogue.count()).map(|_| OnceLock::new()).collect();
        Ok(Self {
            loader,
            affected,
            in_scope,
            asked,
            worlds,
            changed: BTreeMap::new(),
            touched,
            policy: None,
            before: None,
            donors: &[],
            options,
            operators: OnceLock::new(),
            symbols,
            unbound: OnceLock::new(),
        })
    }

    /// Objects of a world that are in scope, by number.
    pub(super) fn in_scope<'w>(&self, world: &'w World) -> impl Iterator<Item = usize> + use<'w, '_> {
        let objects = world.objects.iter().enumerate();
        objects.filter(|(_, mapped)| self.is_in_scope(mapped)).map(|(index, _)| index)
    }

    /// Whether a file that is loaded is in scope.
    pub(super) fn is_in_scope(&self, mapped: &Mapped) -> bool {
        self.in_scope.get(mapped.number).copied().unwrap_or(false)
    }

    /// The symbols of every object of a world.
    pub(super) fn symbols(&self, world: &World) -> Result<Vec<Arc<Symbols>>, ObjectError> {
        world.objects.iter().map(|mapped| self.symbols_of(mapped.number, &mapped.file)).collect()
    }

    /// The symbols of one file, by its number in the catalogue.
    pub(super) fn symbols_of(&self, number: usize, file: &ImagePath) -> Result<Arc<Symbols>, ObjectError> {
        let known = self.symbols.get(number);
        if let Some(symbols) = known.and_then(OnceLock::get) {
            return Ok(Arc::clone(symbols));
        }
        let view = self.loader.view;
        let symbols = match view.tree.get(file) {
            Some(node) => view.objects.symbols(file, node)?,
            None => Arc::default(),
        };
        Ok(known.map_or(&symbols, |known| known.get_or_init(|| Arc::clone(&symbols))).clone())
    }

    /// References that nothing gives, found once for all checks.
    pub(super) fn unbound(&self) -> Result<&[Unbound], ObjectError> {
        if let Some(known) = self.unbound.get() {
            return Ok(known);
        }
        let made = unbound::find(self)?;
        Ok(self.unbound.get_or_init(|| made))
    }

    /// The calls of torch operators in the tree, judged once for all checks.
    pub(super) fn operators(&self) -> Result<&Verdicts, ObjectError> {
        if let Some(known) = self.operators.get() {
            return Ok(known);
        }
        let made = operators::judge(self)?;
        Ok(self.operators.get_or_init(|| made))
    }

    /// What of an ELF file of the tree goes beyond the loader.
    pub(super) fn traits(&self, path: &ImagePath) -> Result<Arc<Traits>, ObjectError> {
        match self.loader.view.tree.get(path) {
            Some(node) => self.loader.view.objects.traits(path, node),
            None => Ok(Arc::default()),
        }
    }

    /// Python files of the tree that have something to say.
    pub(super) fn scripts(&self) -> impl Iterator<Item = (&'a ImagePath, Arc<Script>)> {
        self.loader.view.scripts()
    }

    /// Whether a file is loaded only by `dlopen`, if at all: no program, no extension module, and nothing in the
    /// tree needs a library of its name.
    pub(super) fn is_opened_by_name(&self, path: &ImagePath) -> bool {
        let name = String::from_utf8_lossy(path.name());
        let soname = self.loader.catalogue.get(path).and_then(|object| object.facts.soname.clone());
        let names = [Some(name.to_string()), soname];
        !self.loader.catalogue.is_program(path)
            && !is_extension(&name)
            && !names.iter().flatten().any(|name| self.asked.contains(name))
    }

    /// The donor that a file came from, and its path there.
    pub(super) fn donor_of(&self, path: &ImagePath) -> Option<(&DonorCase<'a>, &ImagePath)> {
        let mut donors = self.donors.iter();
        donors.find_map(|case| Some((case, case.donor.moved.get(path)?)))
    }
}

/// Loads every file in scope, as few times as possible: programs and extension modules as themselves, then
/// libraries that nobody in scope asks for, then whatever no process has loaded yet. A library that is only
/// ever loaded by others is judged in their company.
fn worlds(loader: &Loader<'_>, affected: &BTreeSet<ImagePath>) -> Result<Vec<World>, ObjectError> {
    let judged = || affected.iter().filter(|path| loader.beyond(path).is_none());
    let asked: BTreeSet<&str> = judged()
        .filter_map(|path| loader.catalogue.get(path))
        .flat_map(|object| object.facts.needed.iter())
        .map(|needed| needed.rsplit('/').next().unwrap_or(needed))
        .collect();
    let rank = |path: &ImagePath| {
        let name = String::from_utf8_lossy(path.name());
        let soname = loader.catalogue.get(path).and_then(|object| object.facts.soname.clone());
        let wanted = asked.contains(&*name) || soname.is_some_and(|soname| asked.contains(soname.as_str()));
        if loader.catalogue.is_program(path) || is_extension(&name) { 0 } else { 1 + u8::from(wanted) }
    };
    let mut order: Vec<(u8, &ImagePath)> = judged().map(|path| (rank(path), path)).collect();
    order.sort();
    let mut worlds = Vec::new();
    let mut covered = BTreeSet::new();
    for (rank, path) in order {
        if rank == 2 && covered.contains(path) {
            continue;
        }
        if let Some(world) = loader.load(path)? {
            covered.extend(world.objects.iter().map(|mapped| mapped.file.clone()));
            worlds.push(world);
        }
    }
    Ok(worlds)
}

/// Whether a file name is that of a Python extension module.
fn is_extension(name: &str) -> bool {
    name.ends_with(".so")
        && (name.contains(".cpython-") || name.contains(".abi3.") || !name.starts_with("lib"))
}
