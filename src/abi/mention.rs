//! Which files have to do with a class, by the names they import and export.

use crate::elf::Symbols;
use crate::elf::Undefined;

/// A symbol of the file that has the class (by its name in type information) in its name: a member, something
/// that takes one, its type information. What a name abbreviates is not looked into.
#[must_use]
pub fn mentions<'s>(symbols: &'s Symbols, class: &str) -> Option<&'s str> {
    let core = core(class);
    let wanted = symbols.undefined.iter().map(|symbol| symbol.name.as_str());
    let defined = symbols.defined.iter().map(|symbol| symbol.name.as_str());
    wanted.chain(defined).find(|name| name.starts_with("_Z") && has(name, core))
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

/// Whether `core` stands in `name` as a whole: its first digit is not the last of a longer number.
fn has(name: &str, core: &str) -> bool {
    let mut from = 0;
    while let Some(found) = name.get(from..).and_then(|rest| rest.find(core)) {
        let at = from + found;
        let before = name.as_bytes().get(at.wrapping_sub(1));
        if !before.is_some_and(u8::is_ascii_digit) {
            return true;
        }
        from = at + 1;
    }
    false
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
            assert_eq!(mentions(&file, class).is_some(), want, "{symbol}");
            assert_eq!(uses_members(&file, class).count() == 1, member, "{symbol}");
        }
    }
}
