//! Whose a symbol is, by its name: members of one C++ class are never spread over libraries, and those of a
//! namespace or a C prefix rarely are.

use super::mangled;
use super::mangled::nested;
use crate::elf::Defined;
use crate::elf::Symbols;

/// What a symbol's name says of its home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Family {
    /// A class, for certain: a constructor, a destructor, a vtable or typeinfo is wanted.
    Class(String),
    /// A class or a namespace: the identifiers around the last, mangled.
    Scope(String),
    /// Plain C, up to and with the first `_`.
    Prefix(String),
}

impl Family {
    /// Of a symbol; `None` for names that say nothing, and for those of the standard library.
    pub(super) fn of(name: &str) -> Option<Self> {
        if let Some(class) = special(name) {
            return nested(class).map(|(all, _)| Self::Class(all.concat()));
        }
        if let Some(rest) = mangled::members(name) {
            let (mut parts, after) = nested(rest)?;
            if after.starts_with(['C', 'D']) {
                return Some(Self::Class(parts.concat()));
            }
            if after.starts_with(['E', 'I', 'B']) {
                parts.pop();
            }
            return (!parts.is_empty()).then(|| Self::Scope(parts.concat()));
        }
        let (prefix, rest) = name.split_once('_').filter(|(prefix, _)| prefix.len() >= 2)?;
        (!rest.is_empty() && !name.starts_with("_Z")).then(|| Self::Prefix(format!("{prefix}_")))
    }

    /// Whether it is a class template with its arguments: explicit instances of it are weak definitions.
    pub(super) fn is_template(&self) -> bool {
        matches!(self, Self::Class(scope) | Self::Scope(scope) if mangled::is_template(scope))
    }

    /// How sure it is that a file with these definitions is the symbol's home.
    pub(super) fn home(&self, symbols: &Symbols) -> Home {
        let strong = |defined: &&Defined| !defined.weak || self.is_template();
        match self {
            Self::Class(scope)
                if around(symbols, scope).filter(strong).any(|defined| is_member(&defined.name, scope)) =>
            {
                Home::Certain
            }
            Self::Scope(scope) => {
                let mut members = around(symbols, scope).filter(strong);
                let shown = || around(symbols, scope).any(|defined| shows_class(&defined.name, scope));
                let class = || self.is_template() || shown();
                match members.any(|defined| is_member(&defined.name, scope)) {
                    false => Home::No,
                    true if class() => Home::Certain,
                    true => Home::Likely,
                }
            }
            Self::Prefix(prefix) => {
                let count = symbols.starting_with(prefix).iter().filter(strong).count();
                if count >= 8 { Home::Likely } else { Home::No }
            }
            Self::Class(_) => Home::No,
        }
    }
}

/// Whether a file is where a symbol would be defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Home {
    /// Nothing says so.
    No,
    /// It defines others of the same namespace or prefix.
    Likely,
    /// It defines others of the same class.
    Certain,
}

/// Definitions whose names have the scope where those of its members have it, and its vtable and typeinfo.
fn around<'s>(symbols: &'s Symbols, scope: &str) -> impl Iterator<Item = &'s Defined> {
    const STARTS: [&str; 14] = [
        "_ZN", "_ZNK", "_ZNKO", "_ZNKR", "_ZNO", "_ZNR", "_ZNV", "_ZNVK", "_ZTI", "_ZTIN", "_ZTS", "_ZTSN",
        "_ZTV", "_ZTVN",
    ];
    STARTS.iter().flat_map(move |start| symbols.starting_with(&format!("{start}{scope}")))
}

/// The class that a vtable, typeinfo or typeinfo name is of.
fn special(name: &str) -> Option<&str> {
    let class = ["_ZTV", "_ZTI", "_ZTS"].iter().find_map(|start| name.strip_prefix(start))?;
    Some(class.strip_prefix('N').unwrap_or(class))
}

fn members<'a>(name: &'a str, scope: &str) -> Option<&'a str> {
    mangled::members(name)?.strip_prefix(scope)
}

/// Whether a definition is directly in the scope, or is the scope's vtable or typeinfo.
fn is_member(name: &str, scope: &str) -> bool {
    let direct = members(name, scope).is_some_and(|rest| match nested(rest) {
        Some((parts, after)) => parts.len() == 1 && after.starts_with(['E', 'I', 'B']),
        None => true,
    });
    direct || shows_class(name, scope)
}

/// Whether a definition proves that the scope is a class.
fn shows_class(name: &str, scope: &str) -> bool {
    let whole = |class: &str| class.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest == "E");
    let structor =
        |rest: &str| rest.starts_with(['C', 'D']) && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    special(name).is_some_and(whole) || members(name, scope).is_some_and(structor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Symbols {
        let defined = names.iter().map(|name| Defined {
            name: (*name).into(),
            version: None,
            index: 0,
            hidden: false,
            weak: false,
            unique: false,
            kind: 2,
            size: 0,
        });
        Symbols { defined: defined.collect(), ..Symbols::default() }
    }

    #[test]
    fn what_names_say() {
        let class = |text: &str| Some(Family::Class(text.to_owned()));
        let scope = |text: &str| Some(Family::Scope(text.to_owned()));
        for (name, want) in [
            ("_ZN14nixlUcxContextC1ESt6vector", class("14nixlUcxContext")),
            ("_ZN9nixlUcxEp6sendAmEj", scope("9nixlUcxEp")),
            ("_ZNK4nixl3ucx6createEv", scope("4nixl3ucx")),
            ("_ZN1aeqERKS_", scope("1a")),
            ("_ZTVN3c106DeviceE", class("3c106Device")),
            ("_ZTI3Foo", class("3Foo")),
            ("_ZNK4ListI4BlobEixEj", scope("4ListI4BlobE")),
            ("_ZN3foo3barIiEEvT_", scope("3foo")),
            ("_Z3barv", None),
            ("_ZNSt6vectorIiE1fEv", None),
            ("_ZN12_GLOBAL__N_11fEv", None),
            ("ucs_mpool_init", Some(Family::Prefix("ucs_".to_owned()))),
            ("printf", None),
            ("__cxa_throw", None),
        ] {
            assert_eq!(Family::of(name), want, "{name}");
        }
    }

    #[test]
    fn homes() {
        let class = symbols(&["_ZN9nixlUcxEpC1Ev", "_ZN9nixlUcxEp4readEv"]);
        let space = symbols(&["_ZN3foo3barEv"]);
        let deeper = symbols(&["_ZN3foo3bar3bazEv"]);
        for (name, symbols, want) in [
            ("_ZN9nixlUcxEp6sendAmEj", &class, Home::Certain),
            ("_ZN9nixlUcxEpC1Ei", &class, Home::Certain),
            ("_ZN3foo3quxEv", &class, Home::No),
            ("_ZN3foo3quxEv", &space, Home::Likely),
            ("_ZN3foo3quxEv", &deeper, Home::No),
        ] {
            assert_eq!(Family::of(name).unwrap().home(symbols), want, "{name}");
        }
    }
}
