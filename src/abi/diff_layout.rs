//! Sizes and shapes that differ between two builds.

use std::collections::BTreeSet;

use super::Change;
use super::Kind;
use super::class_name;
use super::sizes;
use crate::elf;
use crate::elf::Defined;
use crate::elf::Layout;
use crate::elf::Symbols;
use crate::finding::Severity;

/// Everything about sizes and shapes that differs between two builds of a file.
#[must_use]
pub fn compare_layouts(old: (&Symbols, &Layout), new: (&Symbols, &Layout)) -> Vec<Change> {
    let mut changes = Vec::new();
    class_sizes(old.1, new.1, &mut changes);
    bases(old.1, new.1, &mut changes);
    tables(old.0, new.0, &mut changes);
    changes
}

/// One change a class: a deleting destructor knows better than a control block.
fn class_sizes(old: &Layout, new: &Layout, changes: &mut Vec<Change>) {
    let (old, new) = (sizes(old), sizes(new));
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
        change.evidence = source.text().into();
        changes.push(change);
    }
}

fn bases(old: &Layout, new: &Layout, changes: &mut Vec<Change>) {
    for (class, before) in &old.bases {
        let Some(after) = new.bases.get(class).filter(|after| *after != before) else {
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
    let sized = |symbol: &Defined| symbol.kind == OBJECT && symbol.size > 0;
    for symbol in old.defined.iter().filter(|symbol| sized(symbol)) {
        let mut others = new.definitions(&symbol.name).iter().filter(|other| sized(other));
        let (name, before) = (symbol.name.as_str(), symbol.size);
        let Some(after) = others.next().map(|other| other.size).filter(|after| *after != before) else {
            continue;
        };
        let (kind, severity, subject) = match name.strip_prefix("_ZTV") {
            Some(class) if elf::is_own(class) => (Kind::VtableSize, Severity::Error, class),
            Some(_) => continue,
            None if is_data(name) => (Kind::ObjectSize, Severity::Warning, name),
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
