//! Help itself: schema, completions, manual pages, explanations.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::args::SchemaOf;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::recipe;
use crate::report;

/// Prints the JSON Schema of recipes or of a document.
///
/// # Errors
/// When the output cannot be written.
pub fn schema(of: SchemaOf) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    match of {
        SchemaOf::Recipe => writeln!(out, "{}", recipe::schema())?,
        SchemaOf::Report => writeln!(out, "{:#}", report::json::schema())?,
        SchemaOf::Smoke => writeln!(out, "{:#}", report::smoke::json::schema())?,
        SchemaOf::Bench => writeln!(out, "{:#}", report::bench::json::schema())?,
        SchemaOf::Cache | SchemaOf::CachePrune | SchemaOf::CacheRepair => {
            let [show, prune, repair] = report::cache::json::schemas();
            let wanted = match of {
                SchemaOf::CachePrune => prune,
                SchemaOf::CacheRepair => repair,
                _ => show,
            };
            writeln!(out, "{wanted:#}")?;
        }
        SchemaOf::Diff => writeln!(out, "{:#}", report::diff::json::schema())?,
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
