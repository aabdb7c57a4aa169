//! Which files have to do with a class, by the names they import and export.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;

use crate::elf::Symbols;
use crate::elf::Undefined;

/// Classes that are looked for in names, all at once: a file may have a hundred thousand names, and a library a thousand
/// classes that changed.
pub struct Mentions {
    finder: AhoCorasick,
}

impl Mentions {
    /// Looks for classes by their names in type information; `None` when there are none. What a name abbreviates is not
    /// looked into.
    #[must_use]
    pub fn of<'c>(classes: impl IntoIterator<Item = &'c str>) -> Option<Self> {
        let finder = AhoCorasick::new(classes.into_iter().map(core)).ok()?;
        (finder.patterns_len() > 0).then_some(Self { finder })
    }

    /// The classes that stand in these names, by their numbers in [`Mentions::of`], each with the first name that has it.
    pub fn find<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeMap<usize, &'n str> {
        let mut found = BTreeMap::new();
        for name in names {
            for hit in self.finder.find_overlapping_iter(name) {
                // `3foo` is not in `13foo_and_more`: a first digit is not the last of a longer number.
                if !name[..hit.start()].ends_with(|before: char| before.is_ascii_digit()) {
                    found.entry(hit.pattern().as_usize()).or_insert(name);
                }
            }
        }
        found
    }
}

/// The mangled names of a file: first those that it wants, then those that it defines.
pub fn mangled(symbols: &Symbols) -> impl Iterator<Item = &str> {
    let wanted = symbols.undefined.iter().map(|symbol| symbol.name.as_str());
    let defined = symbols.defined.iter().map(|symbol| symbol.name.as_str());
    wanted.chain(defined).filter(|name| name.starts_with("_Z"))
}

/// Functions of the class that the file calls and another must give: it works with objects of it.
pub fn uses_members<'s>(symbols: &'s Symbols, class: &str) -> impl Iterator<Item = &'s Undefined> {
    let core = core(class).to_owned();
    symbols.undefined.iter().filter(move |symbol| {
        let name = symbol.name.strip_prefix("_ZNK").or_else(|| symbol.name.strip_prefix("_ZN"));
        name.is_some_and(|name| name.strip_prefix(core.as_str()).is_some_and(|rest| !rest.starts_with('I')))
    })
}

/// The name without the letters around it: `1a1b` of `N1a1bE`.
fn core(class: &str) -> &str {
    class.strip_prefix('N').and_then(|inner| inner.strip_suffix('E')).unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(undefined: &[&str]) -> Symbols {
        let symbol =
            |name: &&str| Undefined { name: (*name).into(), version: None, weak: false, lazy: false };
        Symbols { undefined: undefined.iter().map(symbol).collect(), ..Symbols::default() }
    }

    #[test]
    fn who_has_to_do_with_a_class() {
        for (symbol, class, want, member) in [
            ("_ZN5Shape7cornersEv", "5Shape", true, true),
            ("_ZNK1a5Shape1nEv", "N1a5ShapeE", true, true),
            ("_Z3useRK5Shape", "5Shape", true, false),
            ("_ZTV5Shape", "5Shape", true, false),
            ("_ZN15Shape1fEv", "5Shape", false, false),
            ("_ZN5ShapeIiE1fEv", "5Shape", true, false),
            ("Shape", "5Shape", false, false),
        ] {
            let file = file(&[symbol]);
            let mentions = Mentions::of([class]).unwrap().find(mangled(&file));
            assert_eq!(mentions.get(&0).copied(), want.then_some(symbol));
            assert_eq!(uses_members(&file, class).count() == 1, member, "{symbol}");
        }
    }

    #[test]
    fn of_several_classes_each_has_its_first_name() {
        let mentions = Mentions::of(["5Shape", "N1a5ShapeE", "4Line"]).unwrap();
        let found = mentions.find(["_Z1fv", "_Z3useRK5Shape", "_ZN1a5Shape1nEv"]);
        assert_eq!(found, BTreeMap::from([(0, "_Z3useRK5Shape"), (1, "_ZN1a5Shape1nEv")]));
        assert!(Mentions::of([]).is_none());
    }
}
