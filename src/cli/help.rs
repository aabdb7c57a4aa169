//! Help itself: schema, completions, manual pages, explanations.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::cli::args::Cli;
use crate::cli::args::Explain;
use crate::cli::args::Format;
use crate::cli::args::SchemaOf;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::recipe;
use crate::report;
use crate::report::kinds;

/// Prints the JSON Schema of recipes or of a document.
///
/// # Errors
/// When the output cannot be written.
pub fn schema(of: SchemaOf) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    match of {
        SchemaOf::Recipe => writeln!(out, "{}", recipe::schema())?,
        SchemaOf::Report => writeln!(out, "{:#}", report::json::schema())?,
        SchemaOf::Matrix => writeln!(out, "{:#}", report::matrix::json::schema())?,
    }
    Ok(Outcome::Clean)
}

/// Prints a completion script.
///
/// # Errors
/// When the output cannot be written.
pub fn completions(shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "imgforge", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Clean)
}

/// Prints the manual page, or writes the pages of all commands into a directory.
///
/// # Errors
/// When the output cannot be written.
pub fn man(out: Option<&Path>) -> Result<Outcome, Failure> {
    match out {
        None => clap_mangen::Man::new(Cli::command()).render(&mut io::stdout().lock())?,
        Some(directory) => {
            let failed =
                |source| Failure::File { action: "write", path: directory.display().to_string(), source };
            fs::create_dir_all(directory).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
        }
    }
    Ok(Outcome::Clean)
}

/// Explains one check, or lists all.
///
/// # Errors
/// An id that no check has, or an output that cannot be written.
pub fn explain(args: &Explain, format: Format) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    let mut chosen = kinds::all();
    if let Some(id) = &args.check {
        chosen.retain(|kind| kind.id == id);
        if chosen.is_empty() {
            let hint = "list them: `imgforge explain`";
            return Err(Failure::usage(format!("there is no check `{id}`"), hint));
        }
    }
    if format == Format::Json {
        let list = chosen.iter().map(|check| {
            json!({"id": check.id, "severity": check.severity.to_string(), "summary": check.summary, "explain": check.explain})
        });
        writeln!(out, "{}", json!(list.collect::<Vec<_>>()))?;
        return Ok(Outcome::Clean);
    }
    for check in &chosen {
        writeln!(out, "{:<24} {:<8} {}", check.id, check.severity.to_string(), check.summary)?;
        if args.check.is_some() {
            writeln!(out, "\n{}", check.explain)?;
        }
    }
    Ok(Outcome::Clean)
}
