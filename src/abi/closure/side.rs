//! One of the two trees as it is: what files find there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::Want;
use crate::elf::Symbols;
use crate::index::ObjectError;
use crate::loader::Loader;
use crate::loader::World;
use crate::oci::ImagePath;

/// A process with the symbols of what it loads.
pub(super) struct Loaded {
    pub(super) world: World,
    pub(super) symbols: Vec<Arc<Symbols>>,
}

/// A tree whose processes are loaded once.
pub(super) struct Side<'a> {
    pub(super) loader: &'a Loader<'a>,
    loaded: BTreeMap<ImagePath, Option<Loaded>>,
}

/// Loads a file in the company it has.
pub(super) fn load(loader: &Loader<'_>, subject: &ImagePath) -> Result<Option<Loaded>, ObjectError> {
    let Some(world) = loader.load(subject)? else {
        return Ok(None);
    };
    let symbols = world.symbols(loader)?;
    Ok(Some(Loaded { world, symbols }))
}

impl<'a> Side<'a> {
    pub(super) const fn new(loader: &'a Loader<'a>) -> Self {
        Self { loader, loaded: BTreeMap::new() }
    }

    pub(super) fn load(&mut self, subject: &ImagePath) -> Result<Option<&Loaded>, ObjectError> {
        if !self.loaded.contains_key(subject) {
            self.loaded.insert(subject.clone(), load(self.loader, subject)?);
        }
        Ok(self.loaded.get(subject).and_then(Option::as_ref))
    }

    /// The file that gives `file` what it wants when `subject` is loaded. `None`: it wants no such thing here,
    /// or does not get it.
    pub(super) fn gives(
        &mut self,
        subject: &ImagePath,
        file: &ImagePath,
        want: &Want,
    ) -> Result<Option<ImagePath>, ObjectError> {
        let loader = self.loader;
        let Some(Loaded { world, symbols }) = self.load(subject)? else {
            return Ok(None);
        };
        let Some(index) = world.find(file) else {
            return Ok(None);
        };
        let found = match want {
            Want::Symbol { name, version } => {
                let mut wanted = symbols[index].undefined.iter();
                let known = wanted.find(|known| {
                    known.name == *name
                        && known.version.as_ref().map(|need| &need.version) == version.as_ref()
                });
                known.and_then(|known| world.provider(loader, symbols, index, known))
            }
            Want::Version { version, .. } => {
                let facts = &world.objects[index].object.facts;
                let need = facts.version_needs.iter().find(|need| need.version == *version);
                let missing = world.missing_versions(index);
                need.filter(|_| !missing.iter().any(|missing| missing.version == *version))
                    .and_then(|need| needed(world, index, &need.file))
            }
            Want::Library(name) => needed(world, index, name),
        };
        Ok(found.map(|found| world.objects[found].file.clone()))
    }
}

/// What a needed name leads to.
pub(super) fn needed(world: &World, index: usize, name: &str) -> Option<usize> {
    let mapped = world.objects.get(index)?;
    let at = mapped.object.facts.needed.iter().position(|needed| needed == name)?;
    mapped.needed.get(at).copied().flatten()
}
