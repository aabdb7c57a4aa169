//! `[[step]]`: from the tables of a recipe to actions.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::finding::RecipeSpot;
use crate::oci::ImagePath;
use crate::oci::path::PathError;
use crate::recipe::Action;
use crate::recipe::Graft;
use crate::recipe::Link;
use crate::recipe::Mkdir;
use crate::recipe::PatchFile;
use crate::recipe::PatchStep;
use crate::recipe::Remove;
use crate::recipe::Step;
use crate::recipe::Write;
use crate::recipe::WriteContent;
use crate::recipe::fault::Fault;
use crate::recipe::raw::RawAliases;
use crate::recipe::raw::RawGraft;
use crate::recipe::raw::RawMissing;
use crate::recipe::raw::RawPatch;
use crate::recipe::raw::RawRecipe;
use crate::recipe::raw::RawStep;
use crate::recipe::raw::RawWrite;
use crate::recipe::resolve::Reader;

/// Every graft has its source, and every source its graft.
pub(super) fn donors(reader: &mut Reader<'_>, raw: &RawRecipe) {
    let known: Vec<String> = raw.sources.keys().map(|name| name.get_ref().clone()).collect();
    let mut used = BTreeSet::new();
    for graft in raw.step.iter().filter_map(|step| step.graft.as_ref()) {
        used.insert(graft.from.get_ref());
        if !known.contains(graft.from.get_ref()) {
            let fault = Fault::UnknownSource { name: graft.from.get_ref().clone(), known: known.clone() };
            reader.fail(fault, graft.from.span());
        }
    }
    for name in raw.sources.keys().filter(|name| !used.contains(name.get_ref())) {
        reader.fail(Fault::UnusedSource(name.get_ref().clone()), name.span());
    }
}

/// The steps that could be read; what is wrong with the others is kept in `reader`.
pub(super) fn all(reader: &mut Reader<'_>, raw: &[RawStep]) -> Vec<Step> {
    let spans = reader.context.step_spans.clone();
    let pairs = raw.iter().zip(spans);
    let steps = pairs.filter_map(|(step, span)| {
        let found = actions(step);
        if found.len() != 1 {
            let fault = Fault::NotExactlyOne {
                what: "a step",
                known: ["graft", "patch", "remove", "link", "write", "mkdir"].map(str::to_owned).to_vec(),
                found,
            };
            reader.fail(fault, span);
            return None;
        }
        let spot = reader.spot(&span);
        action(reader, step).map(|action| Step { spot, action })
    });
    steps.collect()
}

fn actions(step: &RawStep) -> Vec<String> {
    let all = [
        ("graft", step.graft.is_some()),
        ("patch", step.patch.is_some()),
        ("remove", step.remove.is_some()),
        ("link", step.link.is_some()),
        ("write", step.write.is_some()),
        ("mkdir", step.mkdir.is_some()),
    ];
    let there = all.iter().filter(|(_, there)| *there);
    there.map(|(name, _)| (*name).to_owned()).collect()
}

fn action(reader: &mut Reader<'_>, step: &RawStep) -> Option<Action> {
    if let Some(raw) = &step.graft {
        return graft(reader, raw).map(Action::Graft);
    }
    if let Some(raw) = &step.patch {
        return patch(reader, raw).map(Action::Patch);
    }
    if let Some(raw) = &step.write {
        return write(reader, raw).map(Action::Write);
    }
    if let Some(raw) = &step.remove {
        return Some(Action::Remove(Remove {
            path: reader.path(&raw.path)?,
            ignore_missing: matches!(raw.missing, RawMissing::Ignore),
        }));
    }
    if let Some(raw) = &step.link {
        reader.filled(&raw.target, "the target");
        return Some(Action::Link(Link {
            path: reader.path(&raw.path)?,
            target: raw.target.get_ref().clone(),
        }));
    }
    let raw = step.mkdir.as_ref()?;
    let (mode, owner) = (reader.mode(raw.mode.as_ref()), reader.owner(raw.owner.as_ref()));
    let path = reader.path(&raw.path)?;
    Some(Action::Mkdir(Mkdir { path, mode, owner }))
}

fn graft(reader: &mut Reader<'_>, raw: &RawGraft) -> Option<Graft> {
    let (root, into) = (reader.directory(&raw.root), reader.directory(&raw.into));
    if raw.files.is_empty() && raw.optional.is_empty() {
        reader.fail(Fault::Empty("the list of files"), raw.from.span());
    }
    let files = patterns(reader, &raw.files);
    let optional = patterns(reader, &raw.optional);
    let (mode, owner) = (reader.mode(raw.mode.as_ref()), reader.owner(raw.owner.as_ref()));
    Some(Graft {
        from: raw.from.get_ref().clone(),
        root: root?,
        into: into?,
        files,
        optional,
        replace: raw.replace,
        owner,
        mode,
        replace_aliases: matches!(raw.aliases, RawAliases::Replace),
    })
}

fn patterns(reader: &mut Reader<'_>, raw: &[Spanned<String>]) -> Vec<(String, RecipeSpot)> {
    let pairs = raw.iter().filter_map(|text| {
        let pattern = reader.glob(text)?;
        if pattern.starts_with('/') {
            reader.fail(Fault::AbsoluteFile(pattern), text.span());
            return None;
        }
        if pattern.split('/').any(|part| part == "..") {
            reader.fail(PathError::Parent(pattern), text.span());
            return None;
        }
        Some((pattern, reader.spot(&text.span())))
    });
    pairs.collect()
}

fn patch(reader: &mut Reader<'_>, raw: &RawPatch) -> Option<PatchStep> {
    let file = reader.path(&raw.file);
    let with = match (&raw.with, &raw.diff) {
        (Some(with), None) => reader.host_file(with).map(PatchFile::Edits),
        (None, Some(diff)) => reader.host_file(diff).map(PatchFile::Diff),
        both => {
            let found = if both.0.is_some() { &["with", "diff"][..] } else { &[] };
            one_of(reader, "a patch", &["with", "diff"], found, &raw.file);
            None
        }
    };
    Some(PatchStep { file: file?, with: with? })
}

fn write(reader: &mut Reader<'_>, raw: &RawWrite) -> Option<Write> {
    let file: Option<ImagePath> = reader.path(&raw.file);
    let (mode, owner) = (reader.mode(raw.mode.as_ref()), reader.owner(raw.owner.as_ref()));
    let content = match (&raw.text, &raw.source) {
        (Some(text), None) => Some(WriteContent::Text(text.clone())),
        (None, Some(source)) => reader.host_file(source).map(WriteContent::Source),
        both => {
            let found = if both.0.is_some() { &["text", "source"][..] } else { &[] };
            one_of(reader, "a written file", &["text", "source"], found, &raw.file);
            None
        }
    };
    Some(Write { file: file?, content: content?, mode, owner })
}

fn one_of(
    reader: &mut Reader<'_>,
    what: &'static str,
    known: &[&str],
    found: &[&str],
    file: &Spanned<String>,
) {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let fault = Fault::NotExactlyOne { what, known: owned(known), found: owned(found) };
    reader.fail(fault, file.span());
}
