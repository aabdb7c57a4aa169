//! `explain`: what a check looks at, why it matters, what to do, and what it looks like when it fires.

use std::io;
use std::io::Write;

use serde_json::json;

use crate::audit;
use crate::cli::args::Explain;
use crate::cli::args::Format;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::report::example;
use crate::report::kinds;

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
    let example_of = |id: &str| audit::find(id).map(|check| example::render(check.example));
    if format == Format::Json {
        let list = chosen.iter().map(|kind| {
            json!({
                "id": kind.id,
                "severity": kind.severity.to_string(),
                "summary": kind.summary,
                "explain": kind.explain,
                "example": example_of(kind.id),
            })
        });
        writeln!(out, "{}", json!(list.collect::<Vec<_>>()))?;
        return Ok(Outcome::Clean);
    }
    for kind in &chosen {
        writeln!(out, "{:<24} {:<8} {}", kind.id, kind.severity.to_string(), kind.summary)?;
        if args.check.is_some() {
            writeln!(out, "\n{}", kind.explain)?;
            if let Some(example) = example_of(kind.id) {
                write!(out, "\nFor example:\n\n{example}")?;
            }
        }
    }
    Ok(Outcome::Clean)
}
