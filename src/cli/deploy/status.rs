//! `deploy status`.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::cli::args::DeployStatus;
use crate::cli::args::Format;
use crate::cli::deploy::place;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::deploy::cluster::Status;
use crate::report::human::escape;

/// Prints how a deployment is doing.
///
/// # Errors
/// When it is not there or the cluster does not answer.
pub(super) fn status(args: &DeployStatus, format: Format) -> Result<Outcome, Failure> {
    let (cluster, name) = place::find(&args.deployment, &args.cluster)?;
    let status = cluster.status(&name)?;
    let mut out = io::stdout().lock();
    match format {
        Format::Json => writeln!(out, "{:#}", value(&status))?,
        _ => human(&mut out, &status)?,
    }
    Ok(Outcome::Clean)
}

fn human(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    let ready = if status.ready { "ready" } else { "not ready" };
    let state = escape(status.state.as_deref().unwrap_or("no state yet"));
    writeln!(out, "{}/{}: {ready}, {state} ({})", status.namespace, status.name, status.version)?;
    for one in &status.components {
        writeln!(out, "  component {:<20} {}/{} ready", escape(&one.name), one.ready, one.replicas)?;
    }
    for one in &status.conditions {
        let said = if one.message.is_empty() { &one.reason } else { &one.message };
        writeln!(out, "  condition {:<20} {:<7} {}", escape(&one.kind), escape(&one.status), escape(said))?;
    }
    for one in &status.pods {
        let waiting = one.waiting.as_deref().unwrap_or_default();
        writeln!(out, "  pod       {:<40} {} {}", escape(&one.name), escape(&one.phase), escape(waiting))?;
    }
    Ok(())
}

fn value(status: &Status) -> Value {
    let components = status.components.iter();
    let components =
        components.map(|one| json!({"name": one.name, "ready": one.ready, "replicas": one.replicas}));
    let conditions = status.conditions.iter().map(
        |one| json!({"type": one.kind, "status": one.status, "reason": one.reason, "message": one.message}),
    );
    let pods = status.pods.iter();
    let pods = pods.map(|one| json!({"name": one.name, "phase": one.phase, "waiting": one.waiting}));
    json!({
        "name": status.name,
        "namespace": status.namespace,
        "api": status.version,
        "ready": status.ready,
        "state": status.state,
        "components": components.collect::<Vec<_>>(),
        "conditions": conditions.collect::<Vec<_>>(),
        "pods": pods.collect::<Vec<_>>(),
    })
}
