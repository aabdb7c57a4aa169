//! Symbols that are gone or new, and functions that changed their parameters.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Change;
use super::Kind;
use crate::elf;
use crate::elf::Symbols;
use crate::finding::Severity;

pub(super) fn compare(old: &Symbols, new: &Symbols, changes: &mut Vec<Change>) {
    let gone = missing(old, new);
    let more = missing(new, old);
    let mut same_function: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (name, _) in gone.iter().filter(|(_, weak)| !weak) {
        if let Some(function) = elf::function_of(name) {
            same_function.entry(function).or_default().0.push(name);
        }
    }
    for (name, _) in &more {
        if let Some(pair) = elf::function_of(name).and_then(|function| same_function.get_mut(function)) {
            pair.1.push(name);
        }
    }
    same_function.retain(|_, (before, after)| !before.is_empty() && !after.is_empty());
    let mut told = BTreeSet::new();
    for (function, (before, after)) in &same_function {
        told.extend(before.iter().chain(after).copied());
        if !is_second_constructor(function, &same_function) {
            let (before, after) = (before.join(" "), after.join(" "));
            changes.push(Change::new(Kind::ParametersChanged, Severity::Error, function, &before, &after));
        }
    }
    for (name, weak) in gone.iter().filter(|(name, _)| !told.contains(name)) {
        let (kind, severity) = match weak {
            false if !is_library(name) => (Kind::SymbolRemoved, Severity::Error),
            _ => (Kind::InlineRemoved, Severity::Note),
        };
        changes.push(Change::new(kind, severity, name, "", ""));
    }
    for (name, _) in more.iter().filter(|(name, weak)| !weak && !told.contains(name)) {
        changes.push(Change::new(Kind::SymbolAdded, Severity::Note, name, "", ""));
    }
}

/// Names that only `one` defines, each with whether it is weak or unique: one that any user can have too.
fn missing<'s>(one: &'s Symbols, other: &Symbols) -> Vec<(&'s str, bool)> {
    let mut names = Vec::new();
    let mut rest = other.defined.iter().peekable();
    for symbol in &one.defined {
        while rest.peek().is_some_and(|known| known.name < symbol.name) {
            rest.next();
        }
        let there = rest.peek().is_some_and(|known| known.name == symbol.name);
        let repeated = names.last().is_some_and(|(last, _)| *last == symbol.name.as_str());
        if !there && !repeated {
            names.push((symbol.name.as_str(), symbol.weak || symbol.unique));
        }
    }
    names
}

/// Every constructor is there for whole objects (`C1`) and for bases (`C2`): one of them tells it all.
fn is_second_constructor(function: &str, all: &BTreeMap<&str, (Vec<&str>, Vec<&str>)>) -> bool {
    let first = function.strip_suffix("C2E").map(|class| format!("{class}C1E"));
    first.is_some_and(|first| all.contains_key(first.as_str()))
}

/// Code of the standard library, which some files bring along and export.
fn is_library(name: &str) -> bool {
    let standard = ["_ZSt", "_ZNSt", "_ZNKSt", "_ZGTtNSt", "_ZGTtNKSt", "_ZN9__gnu_cxx", "_ZNK9__gnu_cxx"];
    standard.iter().any(|start| name.starts_with(start))
}
