//! `deploy delete`.

use std::io;
use std::io::Write;

use serde_json::json;

use crate::cli::args::DeployDelete;
use crate::cli::args::Format;
use crate::cli::deploy::place;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::session::Session;

/// Takes a deployment away; one that is not there is no failure.
///
/// # Errors
/// When the cluster refuses, or something is still there when the time is over.
pub(super) fn delete(args: &DeployDelete, session: &Session) -> Result<Outcome, Failure> {
    let (cluster, name) = place::find(&args.deployment, &args.cluster)?;
    let mut tell = |what: &str| {
        if !session.quiet {
            drop(writeln!(io::stderr().lock(), "deleting {what}"));
        }
    };
    let gone = cluster.remove(&name, args.timeout, &mut tell)?;
    let mut out = io::stdout().lock();
    match session.format {
        Format::Json => writeln!(out, "{:#}", json!({"deleted": gone}))?,
        _ if gone.is_empty() => writeln!(out, "there was nothing of `{name}`")?,
        _ => gone.iter().try_for_each(|what| writeln!(out, "deleted {what}"))?,
    }
    Ok(Outcome::Clean)
}
