//! `abi …`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use walkdir::WalkDir;

use crate::abi as compare;
use crate::cli::args::Abi;
use crate::cli::args::AbiCommand;
use crate::cli::args::AbiDiff;
use crate::cli::args::Format;
use crate::cli::args::GateLevel;
use crate::cli::args::Global;
use crate::cli::closure::closure;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::mend::mended;
use crate::cli::session::Session;
use crate::cli::side::Side;
use crate::cli::side::side;
use crate::elf;
use crate::elf::Layout;
use crate::elf::Study;
use crate::elf::Symbols;
use crate::finding::Severity;
use crate::report::abi as report;
use crate::report::abi::Compared;
use crate::report::abi::SameClass;

/// Does what follows `abi`.
///
/// # Errors
/// When the files cannot be read.
pub fn abi(args: &Abi, global: &Global) -> Result<Outcome, Failure> {
    match &args.command {
        AbiCommand::Diff(args) => diff(args, global),
        AbiCommand::Closure(args) => {
            let session = Session::open(global)?;
            mended(&mut || closure(args, &session))
        }
    }
}

fn diff(args: &AbiDiff, global: &Global) -> Result<Outcome, Failure> {
    let names = || (args.old.clone(), args.new.clone());
    let side = |text: &str| side(text, &args.platform, global);
    let files = match (side(&args.old)?, side(&args.new)?) {
        (Side::File(old), Side::File(new)) => vec![one((old, new), names(), args.all)?],
        (Side::Directory(old), Side::Directory(new)) => directories(&old, &new, args.all)?,
        _ => {
            return Err(Failure::usage(
                format!("`{}` and `{}` are not of one kind", args.old, args.new),
                "name two files, or two directories",
            ));
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    if global.format == Format::Json {
        serde_json::to_writer_pretty(&mut out, &report::json(&args.old, &args.new, &files))
            .map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        report::write(&mut out, &files, args.all)?;
    }
    out.flush()?;
    let worst = match args.gate {
        GateLevel::Off => return Ok(Outcome::Clean),
        GateLevel::Error => Severity::Error,
        GateLevel::Warning => Severity::Warning,
        GateLevel::Note => Severity::Note,
    };
    let levels = [Severity::Error, Severity::Warning, Severity::Note];
    let refused = files.iter().any(|file| {
        let mut refused = levels.iter().filter(|level| **level <= worst);
        refused.any(|level| file.count(*level) > 0)
    });
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File { action: "read", path: path.display().to_string(), source }
}

/// Every ELF file of a directory by its path there; links are not followed.
fn libraries(root: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|error| failed(root, error.into()))?;
        let mut magic = [0; 4];
        let path = entry.path();
        if entry.file_type().is_file()
            && File::open(path).and_then(|mut file| file.read(&mut magic)).map_err(|e| failed(path, e))? == 4
            && magic == *b"\x7fELF"
        {
            let relative = path.strip_prefix(root).unwrap_or(path);
            found.insert(relative.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

fn directories(old: &Path, new: &Path, all: bool) -> Result<Vec<Compared>, Failure> {
    let (before, after) = (libraries(old)?, libraries(new)?);
    if before.is_empty() && after.is_empty() {
        let message = format!("there is no ELF file in `{}` or `{}`", old.display(), new.display());
        return Err(Failure::usage(message, "name directories with libraries in them"));
    }
    let pairs = compare::pairs(&before, &after);
    let compared = pairs.into_iter().map(|pair| match (pair.old, pair.new) {
        (Some(before), Some(after)) => {
            let open = |path: PathBuf| File::open(&path).map_err(|error| failed(&path, error));
            let files = (open(old.join(&before))?, open(new.join(&after))?);
            one(files, (before, after), all)
        }
        (old, new) => Ok(Compared { old, new, changes: Vec::new(), sizes: Vec::new() }),
    });
    compared.collect()
}

fn one(files: (File, File), names: (String, String), all: bool) -> Result<Compared, Failure> {
    let (old, new) = (outline(files.0, &names.0, all)?, outline(files.1, &names.1, all)?);
    let changes = compare::compare(&old, &new);
    let sizes = if all { in_both(&old.traits.layout, &new.traits.layout) } else { Vec::new() };
    Ok(Compared { old: Some(names.0), new: Some(names.1), changes, sizes })
}

/// Classes whose sizes both builds tell in the same way.
fn in_both(old: &Layout, new: &Layout) -> Vec<SameClass> {
    let (old, new) = (compare::sizes(old), compare::sizes(new));
    let both = old.iter().filter_map(|(key, before)| Some((key, before, new.get(key)?)));
    both.map(|((class, source), before, after)| SameClass {
        class: class.clone(),
        sizes: (before.size.bytes, after.size.bytes),
        source: *source,
    })
    .collect()
}

fn outline(mut file: File, name: &str, all: bool) -> Result<Study, Failure> {
    let size = file.metadata().map_err(|error| failed(Path::new(name), error))?.len();
    let damaged = |error: elf::Error| {
        let hint = "compare its digest with that of the package it comes from";
        Failure::usage(format!("`{name}` cannot be understood: {error}"), hint)
    };
    let Some(mut study) = elf::outline(&mut file, size).map_err(damaged)? else {
        let hint = "name a library, a program, or a directory of them";
        return Err(Failure::usage(format!("`{name}` is no ELF file"), hint));
    };
    if all || registers_operators(&study.symbols) {
        study.traits.texts.schemas = elf::schemas(&mut file, size).map_err(damaged)?;
    }
    Ok(study)
}

/// Whether the file calls what declares torch operators: `torch::Library`, or its stable interface in C. torch
/// itself has that, and so much read-only data that looking for its declarations takes longer than all the rest.
fn registers_operators(symbols: &Symbols) -> bool {
    let calls = ["_ZN5torch7Library", "aoti_torch_library_", "torch_library_"];
    symbols.undefined.iter().any(|symbol| calls.iter().any(|start| symbol.name.starts_with(start)))
}
