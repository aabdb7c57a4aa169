//! For people.

use std::io;
use std::io::Write;

use super::Answer;
use super::SETS;
use crate::abi::closure::Kind;
use crate::abi::closure::Moved;
use crate::abi::closure::Reason;
use crate::abi::closure::Tier;
use crate::oci::ImagePath;
use crate::report::human::escape;

/// Most reasons of one file, and most names of one reason, that are shown.
const MOST: usize = 3;

/// Writes the sets with a reason for each file, and the line for a recipe.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let closure = &answer.closure;
    let counts = &closure.counts;
    writeln!(out, "{} into {}", escape(&answer.new), escape(&answer.old))?;
    writeln!(
        out,
        "  {} of {} ELF files have a pair of {}; {} of them are the same, {} differ",
        counts.paired,
        counts.old,
        counts.new,
        counts.identical,
        counts.paired - counts.identical
    )?;
    if let Some(wheel) = &closure.wheel {
        writeln!(out, "  the files belong to the wheel {}", escape(wheel))?;
    }
    let mut before = None;
    for (tier, _, title) in SETS {
        let new = closure
            .moves
            .iter()
            .filter(|(_, moved)| moved.tier <= tier && before.is_none_or(|before| moved.tier > before));
        let new: Vec<(&ImagePath, &Moved)> = new.collect();
        let all = closure.within(tier).filter(|(_, moved)| moved.replaces).count();
        let along = closure.within(tier).count() - all;
        let more = if before.is_some() && !new.is_empty() { ", besides" } else { "" };
        let along = if along > 0 { format!(" and {along} with new names") } else { String::new() };
        writeln!(out, "\n{title}: {all} replaced{along}{more}")?;
        for (path, moved) in new {
            write_file(out, path, moved)?;
        }
        before = Some(tier);
    }
    if !closure.unsettled.is_empty() {
        writeln!(out, "\nstays open, whatever moves:")?;
        for reason in &closure.unsettled {
            writeln!(out, "  {}: {}", reason.by, escape(&words(reason)))?;
        }
    }
    for graft in &answer.grafts {
        let place = match &graft.spot {
            Some(spot) => format!("{}:{}", spot.file, spot.line),
            None => format!("root = \"{}\", into = \"{}\"", graft.root, graft.into),
        };
        writeln!(out, "\n# {}\n{}", escape(&place), escape(&graft.line()))?;
    }
    Ok(())
}

fn write_file(out: &mut dyn Write, path: &ImagePath, moved: &Moved) -> io::Result<()> {
    let mark = if moved.replaces { " " } else { "+" };
    let seed = if moved.tier == Tier::Seed { "  (asked for)" } else { "" };
    writeln!(out, "{mark} {}{seed}", escape(&path.to_string()))?;
    for reason in moved.reasons.iter().take(MOST) {
        writeln!(out, "      {} {}", escape(&name(&reason.by)), escape(&words(reason)))?;
    }
    if moved.reasons.len() > MOST {
        writeln!(out, "      and {} more reasons", moved.reasons.len() - MOST)?;
    }
    Ok(())
}

fn words(reason: &Reason) -> String {
    let of = reason.of.as_ref().map(name).unwrap_or_default();
    let names = reason.shown(MOST).iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = match reason.names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match reason.kind {
        Kind::Symbol => format!("wants {names}{more} of {of}"),
        Kind::Version => format!("wants version {names}{more} of {of}"),
        Kind::Library => format!("needs {names}"),
        Kind::Class => format!("and {of} know {names}, which changed its shape"),
        Kind::Calls => format!("calls {names}{more} of {of}"),
        Kind::Plugin => format!("is of one build with {of}, opened at run time"),
    }
}

fn name(path: &ImagePath) -> String {
    String::from_utf8_lossy(path.name()).into_owned()
}
