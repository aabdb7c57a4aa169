//! What users of one build of a library would notice of another.

use std::collections::BTreeSet;

use super::Change;
use super::Kind;
use super::compare_layouts;
use super::diff_symbols;
use crate::elf::Facts;
use crate::elf::Study;
use crate::elf::Symbols;
use crate::finding::Severity;

/// Everything that differs, in the order of [`Kind::ALL`].
#[must_use]
pub fn compare(old: &Study, new: &Study) -> Vec<Change> {
    let mut changes = Vec::new();
    facts(&old.facts, &new.facts, &mut changes);
    strings(&old.symbols, &new.symbols, &mut changes);
    let (before, after) = (&old.traits.layout, &new.traits.layout);
    changes.extend(compare_layouts((&old.symbols, before), (&new.symbols, after)));
    diff_symbols::compare(&old.symbols, &new.symbols, &mut changes);
    let place = |change: &Change| Kind::ALL.iter().position(|kind| *kind == change.kind);
    changes.sort_by_cached_key(|change| (place(change), change.severity, change.subject.clone()));
    changes
}

fn facts(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    let machine = |facts: &Facts| format!("machine {}, {}-bit", facts.machine, facts.class);
    if machine(old) != machine(new) {
        changes.push(Change::new(Kind::Machine, Severity::Error, "", &machine(old), &machine(new)));
    }
    let name = |facts: &Facts| facts.soname.clone().unwrap_or_default();
    // A wheel's own names carry a hash of the content.
    let plain = |facts: &Facts| crate::elf::without_hash(&name(facts)).into_owned();
    if plain(old) != plain(new) {
        let gone = !name(old).is_empty();
        let severity = if gone { Severity::Error } else { Severity::Note };
        changes.push(Change::new(Kind::Soname, severity, "", &name(old), &name(new)));
    }
    let versions = |facts: &Facts| facts.version_defs.iter().skip(1).cloned().collect::<BTreeSet<_>>();
    let (old, new) = (versions(old), versions(new));
    for gone in old.difference(&new) {
        changes.push(Change::new(Kind::VersionRemoved, Severity::Error, gone, gone, ""));
    }
    for more in new.difference(&old) {
        changes.push(Change::new(Kind::VersionAdded, Severity::Note, more, "", more));
    }
}

/// Exported names with `std::string` as it was before GCC 5, and as it is since.
fn strings(old: &Symbols, new: &Symbols, changes: &mut Vec<Change>) {
    let count = |symbols: &Symbols| {
        let own = symbols.defined.iter().filter(|symbol| !symbol.weak).map(|symbol| symbol.name.as_str());
        own.filter(|name| name.starts_with("_Z")).fold((0, 0), |(before, since), name| {
            let (is_new, is_old) = string_abi(name);
            (before + u32::from(is_old), since + u32::from(is_new))
        })
    };
    let (old, new) = (count(old), count(new));
    let text =
        |count: (u32, u32)| format!("{} functions with the old one, {} with the new", count.0, count.1);
    let flipped = (old.0 > 0 && new.0 == 0 && new.1 > 0) || (old.1 > 0 && new.1 == 0 && new.0 > 0);
    if flipped {
        changes.push(Change::new(Kind::StringAbi, Severity::Error, "std::string", &text(old), &text(new)));
    }
}

/// Whether a mangled name has the `std::string` of today, and that of before.
fn string_abi(name: &str) -> (bool, bool) {
    (name.contains("St7__cxx11"), old_string(name))
}

/// `Ss` as a type: not within an identifier.
fn old_string(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 2;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_digit() {
            let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let length: usize = name.get(at..at + digits).and_then(|text| text.parse().ok()).unwrap_or(0);
            at = at.saturating_add(digits).saturating_add(length);
        } else if bytes[at..].starts_with(b"Ss") {
            return true;
        } else {
            at += if *byte == b'S' { 2 } else { 1 };
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_two_times() {
        for (name, want) in [
            ("_ZN1a1fESs", (false, true)),
            ("_ZN1a1fERKSs", (false, true)),
            ("_ZN1a7ClassSsE", (false, false)),
            ("_ZN1a1fERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", (true, false)),
            ("_ZN1a1fEv", (false, false)),
        ] {
            assert_eq!(string_abi(name), want, "{name}");
        }
    }
}
