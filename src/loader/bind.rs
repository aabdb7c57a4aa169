//! Who gives a symbol (glibc `elf/dl-lookup.c`, `do_lookup_x` and `check_match`).

use std::sync::Arc;

use super::Loader;
use super::ObjectError;
use super::World;
use crate::elf;
use crate::elf::DF_SYMBOLIC;
use crate::elf::Defined;
use crate::elf::Symbols;
use crate::elf::Undefined;

impl World {
    /// The symbols of every loaded object, in the order of [`World::objects`].
    ///
    /// # Errors
    /// The symbols of a file cannot be had.
    pub fn symbols(&self, loader: &Loader<'_>) -> Result<Vec<Arc<Symbols>>, ObjectError> {
        let symbols = |mapped: &super::Mapped| match loader.view.tree.get(&mapped.file) {
            Some(node) => loader.view.objects.symbols(&mapped.file, node),
            None => Ok(Arc::default()),
        };
        self.objects.iter().map(symbols).collect()
    }

    /// The object whose definition `symbol`, wanted by `object`, binds to. `symbols` is [`World::symbols`].
    #[must_use]
    pub fn provider(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        object: usize,
        symbol: &Undefined,
    ) -> Option<usize> {
        let found = self.in_scope(loader, symbols, object, symbol)?;
        Some(self.registered(loader, symbols, &symbol.name, found))
    }

    /// The first definition that fits, where `object` looks for it.
    pub(super) fn in_scope(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        object: usize,
        symbol: &Undefined,
    ) -> Option<usize> {
        let first = self.is_symbolic(object).then_some(object);
        let own = self.scopes.get(self.objects.get(object)?.scope)?;
        let scope = first.iter().chain(&self.global).chain(own);
        self.first(loader, symbols, &mut scope.copied(), symbol)
    }

    /// Whether the object looks into itself first.
    pub(super) fn is_symbolic(&self, object: usize) -> bool {
        self.objects.get(object).is_some_and(|mapped| mapped.object.facts.flags & DF_SYMBOLIC != 0)
    }

    /// The object that a program's copy of a variable is filled from: the program itself is not asked.
    #[must_use]
    pub fn original(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        symbol: &Undefined,
    ) -> Option<usize> {
        let scope = self.global.iter();
        self.first(loader, symbols, &mut scope.copied().filter(|index| *index != 0), symbol)
    }

    fn first(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        scope: &mut dyn Iterator<Item = usize>,
        symbol: &Undefined,
    ) -> Option<usize> {
        let version = symbol.version.as_ref().map(|need| need.version.as_str());
        let exact = loader.system.exact_first();
        let hash = elf::hash(&symbol.name);
        let strong_first = loader.view.env.get("LD_DYNAMIC_WEAK").is_some_and(|value| !value.is_empty());
        let mut weak = None;
        for index in scope {
            let Some(table) = symbols.get(index) else {
                continue;
            };
            let definitions = table.definitions_by(&symbol.name, hash);
            if !definitions.is_empty() && gives(definitions, table.versioned, version, exact) {
                if !strong_first || definitions.iter().any(|defined| !defined.weak) {
                    return Some(index);
                }
                weak = weak.or(Some(index));
            }
        }
        weak
    }

    /// The object at which ld.so aborts while it looks `symbol` up: the file that should have its version has
    /// the symbol and lost all versions (an assertion of `check_match`, up to glibc 2.40).
    #[must_use]
    pub fn aborts_at(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        object: usize,
        symbol: &Undefined,
    ) -> Option<usize> {
        let need =
            symbol.version.as_ref().filter(|_| loader.system.glibc.is_some_and(|minor| minor <= 40))?;
        let found = self.provider(loader, symbols, object, symbol)?;
        let lost = !symbols.get(found)?.versioned && self.asked.get(&need.file) == Some(&found);
        lost.then_some(found)
    }
}

/// Whether a file's definitions fit the reference.
fn gives(definitions: &[Defined], versioned: bool, version: Option<&str>, exact_first: bool) -> bool {
    let mut fallbacks = 0;
    for defined in definitions {
        match version {
            Some(wanted) => {
                if !versioned || defined.version.as_deref() == Some(wanted) {
                    return true;
                }
                if defined.version.is_none() && !defined.hidden {
                    if !exact_first {
                        return true;
                    }
                    fallbacks += 1;
                }
            }
            // Without a version wanted: the base, or the file's first version, or its only default one.
            None if versioned && defined.index >= 3 => fallbacks += u32::from(!defined.hidden),
            None => return true,
        }
    }
    fallbacks == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(versioned: bool, definitions: &[(Option<&str>, u16, bool)]) -> Symbols {
        let defined = definitions.iter().map(|(version, index, hidden)| Defined {
            name: "f".into(),
            version: version.map(Arc::from),
            index: *index,
            hidden: *hidden,
            weak: false,
            unique: false,
            kind: 2,
            size: 0,
        });
        Symbols { defined: defined.collect(), versioned, ..Symbols::default() }
    }

    #[test]
    fn versions_bind_as_in_glibc() {
        let plain = table(false, &[(None, 0, false)]);
        let base = table(true, &[(None, 1, false)]);
        let first = table(true, &[(Some("V1"), 2, true)]);
        let second = table(true, &[(Some("V2"), 3, true)]);
        let both = table(true, &[(Some("V1"), 2, true), (Some("V2"), 3, false)]);
        let later = table(true, &[(Some("V2"), 3, true), (Some("V3"), 4, false)]);
        let two_defaults = table(true, &[(Some("V2"), 3, false), (Some("V3"), 4, false)]);
        for (what, symbols, version, want) in [
            ("no versions fit any", &plain, Some("V1"), true),
            ("the base fits a version", &base, Some("V1"), true),
            ("the base fits none", &base, None, true),
            ("exact, hidden", &first, Some("V1"), true),
            ("another version", &first, Some("V2"), false),
            ("the first version fits none, even hidden", &first, None, true),
            ("a later hidden one does not", &second, None, false),
            ("first of two", &both, None, true),
            ("the only default", &later, None, true),
            ("two defaults are none", &two_defaults, None, false),
        ] {
            assert_eq!(gives(symbols.definitions("f"), symbols.versioned, version, false), want, "{what}");
        }
        assert!(!gives(plain.definitions("g"), false, None, false));
    }
}
