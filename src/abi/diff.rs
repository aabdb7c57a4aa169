//! What users of one build of a library would notice of another.

use std::collections::BTreeSet;

use super::Change;
use super::Kind;
use super::StringKind;
use super::compare_layouts;
use super::diff_operators;
use super::diff_symbols;
use crate::elf::Facts;
use crate::elf::Fatbins;
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
    devices(&old.traits.fatbins, &new.traits.fatbins, &mut changes);
    diff_operators::compare(&old.traits.texts.schemas, &new.traits.texts.schemas, &mut changes);
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

/// Exported functions with `std::string` as it was before GCC 5, and as it is since.
fn strings(old: &Symbols, new: &Symbols, changes: &mut Vec<Change>) {
    let count = |symbols: &Symbols| {
        let own = symbols.defined.iter().filter(|symbol| !symbol.weak);
        own.fold((0, 0), |(before, since), symbol| match StringKind::of(&symbol.name) {
            Some(StringKind::Old) => (before + 1, since),
            Some(StringKind::New) => (before, since + 1),
            None => (before, since),
        })
    };
    let (old, new): ((u32, u32), _) = (count(old), count(new));
    let text =
        |count: (u32, u32)| format!("{} functions with the old one, {} with the new", count.0, count.1);
    let flipped = (old.0 > old.1 && new.0 < new.1) || (old.0 < old.1 && new.0 > new.1);
    if flipped {
        changes.push(Change::new(Kind::StringAbi, Severity::Error, "std::string", &text(old), &text(new)));
    }
}

/// GPU architectures that the old build had machine code for, and of which less of the new one would run.
fn devices(old: &Fatbins, new: &Fatbins, changes: &mut Vec<Change>) {
    for gpu in old.architectures() {
        let ((ran, _), (runs, all)) = (old.running_on(gpu), new.running_on(gpu));
        if ran > 0 && runs == 0 {
            let (name, now) = (gpu.to_string(), format!("0 of {all} modules run"));
            let change = Change::new(
                Kind::ArchitectureLost,
                Severity::Error,
                &name,
                &format!("{ran} modules run"),
                &now,
            );
            changes.push(change);
        }
    }
}
