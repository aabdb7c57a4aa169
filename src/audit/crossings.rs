//! Which C++ symbols go between which files.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Case;
use crate::abi::is_own_cpp;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

/// Symbols that one file gets from another: who wants them, who gives them.
#[derive(Debug, Default)]
pub(super) struct Crossings(BTreeMap<(ImagePath, ImagePath), BTreeSet<String>>);

impl Crossings {
    /// Those that bind between two files of `among`, in all processes in scope. Names of the standard library and
    /// symbols with versions do not count: they are made to stay.
    pub(super) fn among(case: &Case<'_>, among: &BTreeSet<ImagePath>) -> Result<Self, ObjectError> {
        let mut crossings = Self::default();
        for world in &case.worlds {
            let some = world.objects.iter().filter(|mapped| among.contains(&mapped.file));
            if some.count() > 1 {
                crossings.add(case, world, among)?;
            }
        }
        Ok(crossings)
    }

    fn add(
        &mut self,
        case: &Case<'_>,
        world: &World,
        among: &BTreeSet<ImagePath>,
    ) -> Result<(), ObjectError> {
        let symbols = case.symbols(world)?;
        for index in case.in_scope(world) {
            let by = &world.objects[index].file;
            if !among.contains(by) {
                continue;
            }
            let own = symbols[index].undefined.iter().filter(|s| s.version.is_none() && is_own_cpp(&s.name));
            for symbol in own {
                let provider = world.provider(&case.loader, &symbols, index, symbol);
                let of = provider.map(|provider| &world.objects[provider].file);
                if let Some(of) = of.filter(|of| *of != by && among.contains(of)) {
                    self.0.entry((by.clone(), of.clone())).or_default().insert(symbol.name.to_string());
                }
            }
        }
        Ok(())
    }

    /// The other files that `path` exchanges symbols with, either way.
    pub(super) fn of<'s>(
        &'s self,
        path: &'s ImagePath,
    ) -> impl Iterator<Item = (&'s ImagePath, &'s BTreeSet<String>)> {
        self.0.iter().filter_map(move |((by, of), symbols)| match (by == path, of == path) {
            (true, false) => Some((of, symbols)),
            (false, true) => Some((by, symbols)),
            _ => None,
        })
    }
}
