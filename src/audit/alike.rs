//! Names so alike that they are of one library: one function in two releases, or its overloads.
//!
//! The library that a file needs itself, and that has the one, is where the other was when the file was linked.

use super::mangled;
use crate::elf::Defined;
use crate::elf::Symbols;

/// Definitions of a prefix that show whose it is.
const MANY: usize = 4;

/// Whether a library with these definitions is the home of `name`, by a name that is all but the same: it has
/// another release's number in it (`__nvJitLinkCreate_12_1` for `…_12_5`), or it is the same C++ function with other
/// parameters; or by a namespace that is there with another release's number.
pub(super) fn has_alike(symbols: &Symbols, name: &str) -> bool {
    has_release(symbols, name) || has_overload(symbols, name) || has_other_namespace(symbols, name)
}

/// Whether the library, by its file's stem, is called like the symbol begins, and has others that begin so:
/// the namespace `rmm` of `librmm`, `xmlFreeDoc` of `libxml2`.
pub(super) fn is_named_after(symbols: &Symbols, stem: &str, name: &str) -> bool {
    let stem = stem.strip_prefix("lib").unwrap_or(stem);
    let stem = stem.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    beginning(stem, name).is_some_and(|start| strong(symbols, &start) >= MANY)
}

fn strong(symbols: &Symbols, start: &str) -> usize {
    symbols.starting_with(start).iter().filter(|defined| !defined.weak).count()
}

/// How names begin that are called after a library: with its outermost namespace, or in plain C with at least four
/// letters of it, or with the three that it has.
fn beginning(stem: &str, name: &str) -> Option<String> {
    if name.starts_with("_Z") {
        let (parts, _) = mangled::nested(scoped(name)?)?;
        let space = parts.first().filter(|_| parts.len() > 1)?;
        let plain = space.trim_start_matches(|c: char| c.is_ascii_digit());
        return (stem.len() >= 3 && plain == stem).then(|| format!("_ZN{space}"));
    }
    let plain = name.trim_start_matches('_');
    let same = plain.bytes().zip(stem.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let enough = same >= 4 || (same == 3 && stem.len() == 3);
    enough.then(|| name[..name.len() - plain.len() + same].to_owned())
}

/// What a mangled name has from its outermost scope on.
fn scoped(name: &str) -> Option<&str> {
    let special = ["_ZTV", "_ZTI", "_ZTS"].iter().find_map(|start| name.strip_prefix(start));
    special.and_then(|class| class.strip_prefix('N')).or_else(|| mangled::members(name))
}

/// Whether the library has a namespace of which the symbol is, in another release: `absl::lts_20250127` where
/// `absl::lts_20250814` is wanted, and nothing of that.
fn has_other_namespace(symbols: &Symbols, name: &str) -> bool {
    let Some((parts, _)) = scoped(name).and_then(mangled::nested) else {
        return false;
    };
    let mut before = "_ZN".to_owned();
    for space in &parts[..parts.len() - 1] {
        let start = format!("{before}{}", space.trim_end_matches(|c: char| c.is_ascii_digit()));
        before.push_str(space);
        if start.ends_with('_') && start.len() < before.len() {
            return strong(symbols, &start) >= MANY && symbols.starting_with(&before).is_empty();
        }
    }
    false
}

/// Whether a name is there that differs only in the numbers that follow an underscore.
fn has_release(symbols: &Symbols, name: &str) -> bool {
    let number = |at: &usize| name.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
    let Some(at) = name.match_indices('_').map(|(at, _)| at).find(number) else {
        return false;
    };
    let skeleton = |name: &str| {
        let words = name.split('_').map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()));
        words.collect::<Vec<_>>().join("_")
    };
    let wanted = skeleton(name);
    let alike = |defined: &Defined| defined.name != name && skeleton(&defined.name) == wanted;
    at > 0 && symbols.starting_with(&name[..=at]).iter().any(alike)
}

/// Whether the C++ function is there with other parameters.
fn has_overload(symbols: &Symbols, name: &str) -> bool {
    let Some(rest) = mangled::members(name) else {
        return false;
    };
    let Some((parts, after)) = mangled::nested(rest).filter(|(parts, _)| parts.len() > 1) else {
        return false;
    };
    // what stands behind `E` are the parameters
    let Some(parameters) = after.find('E').filter(|end| after[..*end].starts_with('B') || *end == 0) else {
        return false;
    };
    let whole = name.len() - after.len() + parameters + 1;
    let last = parts.last().is_some_and(|last| !mangled::is_template(last));
    last && symbols.starting_with(&name[..whole]).iter().any(|defined| defined.name != name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Symbols {
        let mut defined: Vec<Defined> = names
            .iter()
            .map(|name| Defined {
                name: (*name).into(),
                version: None,
                index: 0,
                hidden: false,
                weak: false,
                unique: false,
                kind: 2,
                size: 0,
            })
            .collect();
        defined.sort_by(|one, other| one.name.cmp(&other.name));
        Symbols { defined, ..Symbols::default() }
    }

    #[test]
    fn other_releases_and_overloads() {
        for (name, there, want) in [
            ("__nvJitLinkCreate_12_5", "__nvJitLinkCreate_12_1", true),
            ("__nvJitLinkCreate_12_5", "__nvJitLinkDestroy_12_1", false),
            ("_ZN4absl12lts_202508143fooEv", "_ZN4absl12lts_202501273fooEv", true),
            ("_ZN4absl12lts_2025081412log_internal1fEv", "_ZN4absl12lts_2025012712log_internal1fEv", true),
            ("_ZN4absl12lts_2025081412log_internal1fEv", "_ZN4absl12lts_2025012712log_internal1gEv", false),
            ("u_strlen_72", "u_strlen_70", true),
            ("u_strlen_72", "u_strlen_72", false),
            ("_ZN1a1fEi", "_ZN1a1fEl", true),
            ("_ZN1a1fB5cxx11Ei", "_ZN1a1fB5cxx11El", true),
            ("_ZN1a1fEi", "_ZN1a1gEi", false),
            ("_Z1fi", "_Z1fl", false),
        ] {
            assert_eq!(has_alike(&symbols(&[there]), name), want, "{name} {there}");
        }
    }

    #[test]
    fn namespaces_of_another_release() {
        let names = ["a", "b", "c", "d"].map(|name| format!("_ZN4absl12lts_202501271{name}Ev"));
        let there = symbols(&names.each_ref().map(String::as_str));
        for (name, want) in [
            ("_ZN4absl12lts_2025081412log_internal9kCharNullE", true),
            ("_ZTIN4absl12lts_202508141xE", true),
            ("_ZN4absl12lts_202501271xEv", false),
            ("_ZN4absl1xEv", false),
            ("_ZN4absl5lts_11xEv", false),
        ] {
            assert_eq!(has_alike(&there, name), want, "{name}");
        }
    }

    #[test]
    fn libraries_are_called_like_what_they_have() {
        let rmm = symbols(&["_ZN3rmm1aEv", "_ZN3rmm1bEv", "_ZN3rmm1cEv", "_ZN3rmm1dEv"]);
        let xml = symbols(&["xmlA", "xmlB", "xmlC", "xmlD"]);
        for (symbols, stem, name, want) in [
            (&rmm, "librmm", "_ZN3rmm13out_of_memoryC1Ev", true),
            (&rmm, "librmm", "_ZTIN3rmm9bad_allocE", true),
            (&rmm, "librmm", "_ZN3foo13out_of_memoryC1Ev", false),
            (&rmm, "libcudf", "_ZN3rmm1xEv", false),
            (&xml, "libxml2", "xmlFreeDoc", true),
            (&xml, "libxslt", "xmlFreeDoc", false),
            (&rmm, "libxml2", "xmlFreeDoc", false),
        ] {
            assert_eq!(is_named_after(symbols, stem, name), want, "{stem} {name}");
        }
    }
}
