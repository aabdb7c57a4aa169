//! Which classes a file mentions: in the names of what it defines and wants, and in its type information.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

use super::shape::Shape;

/// Classes that are looked for.
pub(super) struct Mentions {
    classes: Vec<String>,
    finder: AhoCorasick,
}

impl Mentions {
    /// `None` when there is nothing to look for.
    pub(super) fn new(classes: &BTreeSet<String>) -> Option<Self> {
        let classes: Vec<String> = classes.iter().cloned().collect();
        let finder = AhoCorasick::new(classes.iter().map(|class| fragment(class))).ok()?;
        (!classes.is_empty()).then_some(Self { classes, finder })
    }

    /// The classes that a file mentions. A class whose namespace the mangling abbreviates is not seen in that name.
    pub(super) fn of(&self, shape: &Shape) -> BTreeSet<&str> {
        let defined = shape.symbols.defined.iter().map(|symbol| symbol.name.as_str());
        let undefined = shape.symbols.undefined.iter().map(|symbol| symbol.name.as_str());
        let names = defined.chain(undefined).filter(|name| name.starts_with("_Z"));
        let mut found = BTreeSet::new();
        for name in names.chain(shape.classes()) {
            for hit in self.finder.find_overlapping_iter(name) {
                // `3foo` is not in `13foo_and_more`.
                let whole = !name[..hit.start()].ends_with(|c: char| c.is_ascii_digit());
                if whole {
                    found.extend(self.classes.get(hit.pattern().as_usize()).map(String::as_str));
                }
            }
        }
        found
    }
}

/// What of a class's name is in the names of its members: `1a1b` of `N1a1bE`.
fn fragment(class: &str) -> &str {
    let inner = class.strip_prefix('N').and_then(|inner| inner.strip_suffix('E'));
    inner.unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole() {
        assert_eq!(fragment("N1a1bE"), "1a1b");
        assert_eq!(fragment("3foo"), "3foo");
        assert_eq!(fragment("N1a1bIiEE"), "1a1bIiE");
        let mentions = Mentions::new(&BTreeSet::from(["3foo".to_owned()])).unwrap();
        let found = |name: &str| {
            mentions
                .finder
                .find_overlapping_iter(name)
                .any(|hit| !name[..hit.start()].ends_with(|c: char| c.is_ascii_digit()))
        };
        for (name, want) in [("_ZN3foo3barEv", true), ("_Z1fRK3foo", true), ("_ZN13foo_and_more1fEv", false)]
        {
            assert_eq!(found(name), want, "{name}");
        }
        assert!(Mentions::new(&BTreeSet::new()).is_none());
    }
}
