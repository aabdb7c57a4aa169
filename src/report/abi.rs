//! What `abi diff` found, for people and as JSON.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::abi::Change;
use crate::abi::Kind;
use crate::abi::class_name;
use crate::abi::demangle;
use crate::elf::SizeSource;
use crate::finding::Severity;
use crate::report::human::escape;

/// The schema of the JSON document.
pub const SCHEMA: &str = "imgforge.abi-diff/1";

/// Changes of one kind that are listed one by one, for people.
const SHOWN: usize = 12;

/// Two builds of one file, and what differs.
#[derive(Debug)]
pub struct Compared {
    /// The file in the old build; `None`: it is new.
    pub old: Option<String>,
    /// The file in the new build; `None`: it is gone.
    pub new: Option<String>,
    /// What differs, in order.
    pub changes: Vec<Change>,
    /// Every class whose size is known in both builds, when all is to be told.
    pub sizes: Vec<SameClass>,
}

/// A class in both builds.
#[derive(Debug, Clone)]
pub struct SameClass {
    /// The name in its type information.
    pub class: String,
    /// Its size in the old and in the new build.
    pub sizes: (u64, u64),
    /// How they are known.
    pub source: SizeSource,
}

impl Compared {
    /// Changes of at least this level; a file that is gone is an error.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let gone = usize::from(self.new.is_none() && severity == Severity::Error);
        gone + self.changes.iter().filter(|change| change.severity == severity).count()
    }
}

/// Writes everything for people; `all`: without shortening lists.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, files: &[Compared], all: bool) -> io::Result<()> {
    let same =
        files.iter().filter(|file| file.changes.is_empty() && file.old.is_some() && file.new.is_some());
    for file in files {
        match (&file.old, &file.new) {
            (Some(old), None) => writeln!(out, "{}: gone\n", escape(old))?,
            (None, Some(new)) => writeln!(out, "{}: new\n", escape(new))?,
            (Some(old), Some(new)) if !file.changes.is_empty() => {
                writeln!(out, "{} -> {}", escape(old), escape(new))?;
                write_changes(out, &file.changes, all)?;
                writeln!(out)?;
            }
            _ => {}
        }
    }
    let count = |severity| files.iter().map(|file| file.count(severity)).sum::<usize>();
    writeln!(
        out,
        "{} breaking, {} that may break, {} that do not; {} of {} files without a change",
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
        same.count(),
        files.len()
    )
}

fn write_changes(out: &mut dyn Write, changes: &[Change], all: bool) -> io::Result<()> {
    for kind in Kind::ALL {
        let of_kind: Vec<&Change> = changes.iter().filter(|change| change.kind == kind).collect();
        let Some(first) = of_kind.first() else {
            continue;
        };
        writeln!(out, "  {}[{}]: {} {}", first.severity, kind.id(), of_kind.len(), kind.title())?;
        let shown = if all || first.severity == Severity::Error { usize::MAX } else { 0 };
        let shown = shown.min(if all { usize::MAX } else { SHOWN });
        for change in of_kind.iter().take(shown) {
            write_change(out, change)?;
        }
        if of_kind.len() > shown && shown > 0 {
            writeln!(out, "    … and {} more: --all lists them", of_kind.len() - shown)?;
        }
    }
    Ok(())
}

fn write_change(out: &mut dyn Write, change: &Change) -> io::Result<()> {
    let how = if change.evidence.is_empty() { String::new() } else { format!(" ({})", change.evidence) };
    match change.kind {
        Kind::ParametersChanged => {
            for (sign, names) in [("-", &change.old), ("+", &change.new)] {
                for name in names.split(' ') {
                    writeln!(out, "    {sign} {}", escape(&demangle(name)))?;
                }
            }
            Ok(())
        }
        Kind::Operator => {
            writeln!(out, "    {}: {}", escape(&change.subject), escape(&change.evidence))?;
            for (sign, text) in
                [("-", &change.old), ("+", &change.new)].iter().filter(|(_, text)| !text.is_empty())
            {
                writeln!(out, "      {sign} {}", escape(text))?;
            }
            Ok(())
        }
        _ if change.old.is_empty() && change.new.is_empty() => {
            writeln!(out, "    {}", escape(&change.name()))
        }
        _ => {
            let (old, new) = (escape(&change.old), escape(&change.new));
            writeln!(out, "    {}: {old} -> {new}{how}", escape(&change.name()))
        }
    }
}

/// The whole as one document. Names are demangled but for symbols that are only gone or new.
#[must_use]
pub fn json(old: &str, new: &str, files: &[Compared]) -> Value {
    let file = |file: &Compared| {
        let mut value = json!({
            "old": file.old,
            "new": file.new,
            "changes": file.changes.iter().map(change).collect::<Vec<_>>(),
        });
        if !file.sizes.is_empty() {
            value["sizes"] = file.sizes.iter().map(size).collect();
        }
        value
    };
    let count = |severity| files.iter().map(|file| file.count(severity)).sum::<usize>();
    json!({
        "schema": SCHEMA,
        "old": old,
        "new": new,
        "counts": {
            "breaking": count(Severity::Error),
            "suspect": count(Severity::Warning),
            "compatible": count(Severity::Note),
        },
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn size(class: &SameClass) -> Value {
    json!({
        "name": class_name(&class.class),
        "old": class.sizes.0,
        "new": class.sizes.1,
        "evidence": class.source.text(),
    })
}

fn change(change: &Change) -> Value {
    let mut value = json!({
        "kind": change.kind.id(),
        "severity": change.severity.to_string(),
        "symbol": change.subject,
    });
    let mut put = |name: &str, text: Value| {
        value[name] = text;
    };
    match change.kind {
        Kind::ParametersChanged => {
            for (side, names) in [("old", &change.old), ("new", &change.new)] {
                let declarations: Vec<String> = names.split(' ').map(demangle).collect();
                put(&format!("{side}_symbols"), json!(names.split(' ').collect::<Vec<_>>()));
                put(side, json!(declarations));
            }
        }
        Kind::SymbolAdded | Kind::SymbolRemoved | Kind::InlineRemoved => {}
        Kind::ClassSize | Kind::VtableSize | Kind::ObjectSize => {
            put("name", json!(change.name()));
            put("old", json!(change.old.parse::<u64>().ok()));
            put("new", json!(change.new.parse::<u64>().ok()));
        }
        _ => {
            put("name", json!(change.name()));
            put("old", json!(change.old));
            put("new", json!(change.new));
        }
    }
    if !change.evidence.is_empty() {
        put("evidence", json!(change.evidence));
    }
    value
}
