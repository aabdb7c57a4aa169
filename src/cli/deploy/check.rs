//! `deploy check`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read;

use crate::cli::args::DeployCheck;
use crate::cli::deploy::facts::Known;
use crate::cli::deploy::misnamed;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::judge::AuditScope;
use crate::cli::output::check_writable;
use crate::cli::output::print_report;
use crate::cli::output::write_reports;
use crate::cli::session::Session;
use crate::deploy::check;
use crate::deploy::check::SYNTAX;
use crate::deploy::check::Subject;
use crate::deploy::cluster::Cluster;
use crate::deploy::cluster::Place;
use crate::deploy::manifest;
use crate::deploy::manifest::Document;
use crate::deploy::schema::CrdError;
use crate::deploy::schema::Schemas;
use crate::deploy::yaml;
use crate::finding::Finding;
use crate::report::Background;
use crate::report::Report;

/// Checks manifests and prints the findings as the result.
///
/// # Errors
/// When a file or the image cannot be had.
pub(super) fn check(args: &DeployCheck, session: &Session) -> Result<Outcome, Failure> {
    check_writable(args.gate.files().map(|(_, file)| file))?;
    let judge = &args.gate.judge;
    if judge.policy.is_some() || judge.baseline.is_some() || judge.audit_scope == AuditScope::Closure {
        let message = "--policy, --baseline and --audit-scope are for images";
        return Err(Failure::usage(message, "manifests take `--gate` and `--level`"));
    }
    let (documents, mut findings) = read(&args.files)?;
    let mut schemas = Schemas::built_in();
    if args.live || args.kubeconfig.is_some() || args.kube_context.is_some() {
        let cluster = Place {
            kubeconfig: args.kubeconfig.as_deref(),
            context: args.kube_context.as_deref(),
            namespace: None,
        };
        live(&mut schemas, &Cluster::open(cluster)?, &documents)?;
    }
    for path in &args.crd {
        define(&mut schemas, &path.display().to_string())?;
    }
    let known = Known::open(args, session)?;
    let subject = Subject { documents: &documents, schemas: &schemas, image: known.facts.as_ref() };
    findings.extend(check::check(&subject));
    findings.extend(known.unread(&documents, session)?);
    judge.settle(&mut findings)?;
    let background =
        Background { gate: args.gate.gate.gate(), command: again(args), ..Background::default() };
    let report = Report { background, ..Report::new(args.files.join(" "), findings) };
    let refused = report.findings.iter().any(|finding| report.background.gate.refuses(finding));
    print_report(&mut io::stdout().lock(), &report, session)?;
    write_reports(&args.gate, std::slice::from_ref(&report))?;
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}

/// The text of a file, or of standard input.
fn text(name: &str) -> Result<String, Failure> {
    let failed = |source| Failure::File { action: "read", path: name.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = yaml::MOST_BYTES + 1;
    match name {
        "-" => io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?,
        _ => File::open(name).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?,
    };
    if u64::try_from(bytes.len()).is_ok_and(|length| length >= limit) {
        let message = format!("`{name}` is larger than any manifest");
        return Err(Failure::usage(message, "name files of manifests"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("`{name}` is not UTF-8"), "save it as UTF-8"))
}

/// All documents of the files; a file that holds none has its finding.
pub(super) fn read(files: &[String]) -> Result<(Vec<Document>, Vec<Finding>), Failure> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for name in files {
        match manifest::documents(name, &text(name)?) {
            Ok(found) if found.is_empty() => {
                findings.push(Finding::of(&SYNTAX, name.clone(), "holds no object".to_owned()));
            }
            Ok(found) => documents.extend(found),
            Err(problem) => {
                let mut finding = Finding::of(&SYNTAX, name.clone(), problem.message);
                finding.line = Some(problem.line);
                findings.push(finding);
            }
        }
    }
    Ok((documents, findings))
}

/// Puts the cluster's own definitions of the documents' kinds in place of those that are built in.
pub(super) fn live(schemas: &mut Schemas, cluster: &Cluster, documents: &[Document]) -> Result<(), Failure> {
    let kind = |document: &Document| (document.version().to_owned(), document.kind().to_owned());
    let kinds: BTreeSet<(String, String)> = documents.iter().map(kind).collect();
    for definition in cluster.definitions(&kinds.into_iter().collect::<Vec<_>>())? {
        schemas.define("the cluster's definition", &definition).map_err(|error| misnamed(&error))?;
    }
    Ok(())
}

fn define(schemas: &mut Schemas, name: &str) -> Result<(), Failure> {
    let bad = |reason: String| misnamed(&CrdError { file: name.to_owned(), reason });
    let documents = yaml::read(&text(name)?)
        .map_err(|problem| bad(format!("line {} {}", problem.line, problem.message)))?;
    if documents.is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    documents
        .iter()
        .try_for_each(|document| schemas.define(name, &document.json()))
        .map_err(|error| misnamed(&error))
}

/// The command that finds the same.
fn again(args: &DeployCheck) -> Vec<String> {
    let mut words: Vec<String> = ["imgforge", "deploy", "check"].map(str::to_owned).to_vec();
    words.extend(args.files.iter().cloned());
    let paths = |flag: &str, path: &std::path::Path| [flag.to_owned(), path.display().to_string()];
    words.extend(args.image.iter().flat_map(|image| ["--image".to_owned(), image.clone()]));
    words.extend(args.recipe.iter().flat_map(|path| paths("--recipe", path)));
    words.extend(args.crd.iter().flat_map(|path| paths("--crd", path)));
    words.extend(args.live.then(|| "--live".to_owned()));
    words.extend(args.kubeconfig.iter().flat_map(|path| paths("--kubeconfig", path)));
    words.extend(args.kube_context.iter().flat_map(|name| ["--kube-context".to_owned(), name.clone()]));
    words.extend(args.gate.judge.words());
    words
}
