//! Sizes and shapes that differ between two builds.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Change;
use super::Kind;
use super::class_name;
use super::sizes;
use crate::elf;
use crate::elf::SizeSource;
use crate::elf::Study;
use crate::elf::Symbols;
use crate::finding::Severity;

pub(super) fn compare(old: &Study, new: &Study, changes: &mut Vec<Change>) {
    class_sizes(old, new, changes);
    bases(old, new, changes);
    tables(&old.symbols, &new.symbols, changes);
}

/// One change a class: a deleting destructor knows better than a control block.
fn class_sizes(old: &Study, new: &Study, changes: &mut Vec<Change>) {
    let (old, new) = (sizes(&old.traits.layout), sizes(&new.traits.layout));
    let mut told = BTreeSet::new();
    for ((class, source), before) in &old {
        let Some(after) = new.get(&(class.clone(), *source)) else {
            continue;
        };
        if before.size.bytes == after.size.bytes || !told.insert(class) {
            continue;
        }
        let certain = before.size.certain && after.size.certain;
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let (from, to) = (before.size.bytes.to_string(), after.size.bytes.to_string());
        let mut change = Change::new(Kind::ClassSize, severity, class, &from, &to);
        change.evidence = match source {
            SizeSource::DeletingDestructor => "deleting destructor",
            SizeSource::ControlBlock => "make_shared block",
        };
        changes.push(change);
    }
}

fn bases(old: &Study, new: &Study, changes: &mut Vec<Change>) {
    let (old, new) = (&old.traits.layout.bases, &new.traits.layout.bases);
    for (class, before) in old {
        let Some(after) = new.get(class).filter(|after| *after != before) else {
            continue;
        };
        let text =
            |bases: &[String]| bases.iter().map(|base| class_name(base)).collect::<Vec<_>>().join(", ");
        changes.push(Change::new(Kind::Bases, Severity::Error, class, &text(before), &text(after)));
    }
}

/// Virtual tables and variables: their sizes stand in the symbol table.
fn tables(old: &Symbols, new: &Symbols, changes: &mut Vec<Change>) {
    const OBJECT: u8 = 1;
    let objects = |symbols: &Symbols| -> BTreeMap<String, u64> {
        let objects = symbols.defined.iter().filter(|symbol| symbol.kind == OBJECT && symbol.size > 0);
        objects.map(|symbol| (symbol.name.clone(), symbol.size)).collect()
    };
    let new = objects(new);
    for (name, before) in objects(old) {
        let Some(after) = new.get(&name).filter(|after| **after != before) else {
            continue;
        };
        let (kind, severity, subject) = match name.strip_prefix("_ZTV") {
            Some(class) if elf::is_own(class) => (Kind::VtableSize, Severity::Error, class),
            Some(_) => continue,
            None if is_data(&name) => (Kind::ObjectSize, Severity::Warning, name.as_str()),
            None => continue,
        };
        changes.push(Change::new(kind, severity, subject, &before.to_string(), &after.to_string()));
    }
}

/// Whether the symbol of an object is a variable of the library's own: nothing that the compiler makes for
/// classes or for itself, nothing of the standard library.
fn is_data(name: &str) -> bool {
    let made = ["_ZTI", "_ZTS", "_ZTT", "_ZTC", "_ZGV", "_ZGR", "_ZSt", "_ZNSt", "_ZZNSt", "__"];
    !made.iter().any(|start| name.starts_with(start))
}
