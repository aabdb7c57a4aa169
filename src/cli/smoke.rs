//! `smoke`.

use std::io;
use std::io::IsTerminal;
use std::io::Write;

use crate::cli::args::Format;
use crate::cli::args::Global;
use crate::cli::args::Smoke;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::reach;
use crate::cli::session::color;
use crate::endpoint::smoke;
use crate::endpoint::smoke::Wish;
use crate::report::smoke as report;

/// Asks a served model by every route, and says what works.
///
/// # Errors
/// When nothing could be asked at all.
pub fn smoke(args: &Smoke, global: &Global) -> Result<Outcome, Failure> {
    let reached = reach::client(&args.subject, &args.reach, &args.cluster, global)?;
    let wish = Wish {
        model: args.reach.model.clone(),
        prompt: args.prompt.clone(),
        max_tokens: args.max_tokens,
        skip: args.skip.clone(),
    };
    let mut smoke = smoke::smoke(&reached.client, &wish)?;
    smoke.url = reached.name();
    if smoke.failures().next().is_some() {
        reached.tell();
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    match global.format {
        Format::Json => report::json::write(&mut out, &smoke)?,
        Format::Junit => report::junit::write(&mut out, &smoke)?,
        _ => report::human::write(&mut out, &smoke, color(global.color, io::stdout().is_terminal()))?,
    }
    out.flush()?;
    Ok(match smoke.failures().next() {
        None => Outcome::Clean,
        Some(_) if smoke.is_unreachable() => Outcome::Unreachable,
        Some(_) => Outcome::Findings,
    })
}
