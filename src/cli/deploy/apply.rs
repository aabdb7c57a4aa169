//! `deploy apply`.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::cli::args::DeployApply;
use crate::cli::args::Format;
use crate::cli::audit::is_recipe;
use crate::cli::deploy::check::live;
use crate::cli::deploy::check::read;
use crate::cli::deploy::place;
use crate::cli::deploy::render;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::output::print_report;
use crate::cli::session::Session;
use crate::deploy::check;
use crate::deploy::check::Subject;
use crate::deploy::cluster;
use crate::deploy::cluster::Applied;
use crate::deploy::cluster::Change;
use crate::deploy::cluster::Cluster;
use crate::deploy::cluster::Manner;
use crate::deploy::cluster::Status;
use crate::deploy::manifest::Document;
use crate::deploy::manifest::GRAPH;
use crate::deploy::schema::Schemas;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::Report;
use crate::report::human::escape;

/// Applies manifests and waits for the deployments among them.
///
/// # Errors
/// When they cannot be had, the cluster does not take them, or one is not ready in time.
pub(super) fn apply(args: &DeployApply, session: &Session) -> Result<Outcome, Failure> {
    let (objects, cluster) = match args.subjects.as_slice() {
        [file] if is_recipe(file) => {
            let objects = render::objects(file.as_ref(), &args.var, &args.pin, args.api)?;
            (objects, place::open(&args.cluster, None)?)
        }
        files => {
            let (documents, findings) = read(files)?;
            if !findings.is_empty() {
                return told(files, findings, session);
            }
            let cluster = place::open(&args.cluster, None)?;
            let findings = errors(&documents, &cluster)?;
            if !findings.is_empty() {
                return told(files, findings, session);
            }
            (documents.iter().map(|document| document.root.json()).collect(), cluster)
        }
    };
    let applied = cluster.apply(&objects, Manner { dry_run: args.dry_run, force: args.force_conflicts })?;
    let human = session.format == Format::Human;
    let mut out = io::stdout().lock();
    if human {
        let dry = if args.dry_run { " (dry run: nothing is kept)" } else { "" };
        for one in &applied {
            writeln!(out, "{:<9} {} {}/{}{dry}", word(one.change), one.kind, one.namespace, one.name)?;
        }
    }
    let mut ready = Vec::new();
    for (object, one) in objects.iter().zip(&applied).filter(|(_, one)| one.kind == GRAPH) {
        if args.dry_run || args.no_wait {
            break;
        }
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let task = session.world().progress.begin(&format!("wait for {}", one.name), None);
        let mut tell = |status: &Status| {
            if !session.quiet {
                drop(writeln!(io::stderr().lock(), "{}: {}", one.name, escape(&status.line())));
            }
        };
        let status = cluster.wait(version, &one.name, &one.namespace, args.timeout, &mut tell)?;
        drop(task);
        if human {
            writeln!(out, "ready     {} {}/{}", one.kind, one.namespace, one.name)?;
        }
        ready.push(status.name);
    }
    if !human {
        let applied: Vec<Value> = applied.iter().map(value).collect();
        let document = json!({"dry_run": args.dry_run, "applied": applied, "ready": ready});
        writeln!(out, "{document:#}")?;
    }
    Ok(Outcome::Clean)
}

/// What keeps documents from being sent. What the cluster defines goes before what is built in, when it lets its
/// definitions be read.
fn errors(documents: &[Document], cluster: &Cluster) -> Result<Vec<Finding>, Failure> {
    let mut schemas = Schemas::built_in();
    match live(&mut schemas, cluster, documents) {
        Ok(()) | Err(Failure::Cluster(cluster::Error::Denied { .. } | cluster::Error::NotServed { .. })) => {}
        Err(failure) => return Err(failure),
    }
    let mut findings = check::check(&Subject { documents, schemas: &schemas, image: None });
    findings.retain(|finding| finding.severity == Severity::Error);
    Ok(findings)
}

/// Tells the errors of files that are not sent.
fn told(files: &[String], findings: Vec<Finding>, session: &Session) -> Result<Outcome, Failure> {
    print_report(&mut io::stdout().lock(), &Report::new(files.join(" "), findings), session)?;
    Ok(Outcome::Findings)
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Changed => "changed",
        Change::Unchanged => "unchanged",
    }
}

fn value(one: &Applied) -> Value {
    json!({"kind": one.kind, "name": one.name, "namespace": one.namespace, "change": word(one.change)})
}
