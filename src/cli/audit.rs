//! `audit`.

use std::io;
use std::path::Path;

use crate::build;
use crate::build::Fetched;
use crate::build::Manner;
use crate::build::Subject;
use crate::build::Verdict;
use crate::cli::args::Audit;
use crate::cli::args::DEFAULT_PLATFORM;
use crate::cli::args::Format;
use crate::cli::args::GateArgs;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::parse_platform;
use crate::cli::judge::AuditScope;
use crate::cli::matrix::matrix;
use crate::cli::output::check_writable;
use crate::cli::output::print_report;
use crate::cli::output::write_reports;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::cli::subject;
use crate::recipe;
use crate::report::Background;
use crate::report::Report;
use crate::report::scene;

/// Checks a recipe's result, or something as it is, and prints the findings as the result.
///
/// # Errors
/// When the recipe or the subject cannot be had.
pub fn audit(args: &Audit, session: &Session) -> Result<Outcome, Failure> {
    check_writable(args.gate.files().map(|(_, file)| file))?;
    let background =
        Background { gate: args.gate.gate.gate(), command: again(args), ..Background::default() };
    let name = args.subjects.join(" ");
    let report = Report { background, ..Report::new(name, Vec::new()) };
    let report = match args.subjects.as_slice() {
        [file] if is_recipe(file) && !args.bases.is_empty() => return matrix(args, file, session),
        _ if !args.bases.is_empty() => {
            return Err(Failure::usage("--bases is for a recipe", "its name ends in `.toml`"));
        }
        [file] if is_recipe(file) => of_recipe(args, file, report, session)?,
        _ => as_it_is(args, report, session)?,
    };
    let refused = report.findings.iter().any(|finding| report.background.gate.refuses(finding));
    print_report(&mut io::stdout().lock(), &report, session)?;
    write_reports(&args.gate, std::slice::from_ref(&report))?;
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}

fn of_recipe(args: &Audit, file: &str, report: Report, session: &Session) -> Result<Report, Failure> {
    if !args.env.is_empty() || args.against.is_some() {
        return Err(Failure::usage(
            "--env and --against are for images and trees as they are",
            "a recipe has `[config]`, and is audited against its base",
        ));
    }
    let world = session.world();
    let mut recipe = recipe::load(Path::new(file), &variables("--var", &args.var)?)?;
    args.gate.judge.overrides().apply(&mut recipe.audit)?;
    let fetched = build::fetch::fetch(build::resolve::resolve(recipe, &world)?.borrowing(), &world)?;
    verdict(fetched, &args.gate, report, session).map(|(_, report)| report)
}

/// What the gate says, and the report of it.
///
/// # Errors
/// When a patch does not fit, or the audit cannot be made.
pub(super) fn verdict(
    fetched: Fetched,
    gate: &GateArgs,
    mut report: Report,
    session: &Session,
) -> Result<(Verdict, Report), Failure> {
    let drawn = is_drawn(gate, session);
    let (verdict, ()) =
        build::gate::examine(fetched, gate.gate.gate(), &session.world(), |seen, made, findings| {
            report.background.images = scene::identities(made.locked);
            report.background.environment = scene::environment(seen.view.env);
            report.background.files = scene::files(seen.view, findings);
            if drawn {
                report.anatomy = Some(scene::anatomy_of_build(made, seen, findings)?);
            }
            Ok(())
        })?;
    let findings = verdict.findings().to_vec();
    Ok((verdict, Report { findings, ..report }))
}

/// Whether somebody wants pictures.
fn is_drawn(gate: &GateArgs, session: &Session) -> bool {
    session.format == Format::Html || gate.files().any(|(format, _)| format == Format::Html)
}

fn as_it_is(args: &Audit, mut report: Report, session: &Session) -> Result<Report, Failure> {
    if !args.var.is_empty() {
        let hint = "leave it out, or name a recipe: its name ends in `.toml`";
        return Err(Failure::usage("--var is for recipes", hint));
    }
    if args.gate.judge.audit_scope == AuditScope::Closure && args.against.is_none() {
        let hint = "name a recipe or `--against`; a file with what it loads: `imgforge audit IMAGE//PATH`";
        return Err(Failure::usage("`--audit-scope closure` is for what changes", hint));
    }
    let world = session.world();
    let platform = parse_platform(&args.platform)?;
    let (subject, inside) = subject::find(&args.subjects, &platform, &world)?;
    if let Subject::Directory(path, name) = &subject
        && path.read_dir().is_ok_and(|mut entries| entries.next().is_none())
    {
        return Err(Failure::usage(format!("`{name}` is empty"), "name the root of an unpacked tree"));
    }
    let against = match &args.against {
        Some(text) => Some(subject::against(&subject, text, &platform, &world)?),
        None => None,
    };
    let env = variables("--env", &args.env)?;
    let mut manner = Manner { env, against: against.as_ref(), inside, ..Manner::default() };
    args.gate.judge.overrides().apply(&mut manner.options)?;
    let drawn = is_drawn(&args.gate, session);
    let (findings, ()) = subject.examine(&manner, &world, |seen, findings| {
        report.background.images = std::iter::once(&subject).chain(&against).map(scene::identity).collect();
        report.background.environment = scene::environment(seen.view.env);
        report.background.files = scene::files(seen.view, findings);
        if drawn {
            report.anatomy = Some(scene::anatomy(&subject, seen, findings)?);
        }
        Ok(())
    })?;
    Ok(Report { findings, ..report })
}

/// The command that finds the same: no flag that only says where things are kept or how they are shown.
fn again(args: &Audit) -> Vec<String> {
    let mut words = vec!["imgforge".to_owned(), "audit".to_owned()];
    words.extend(args.subjects.iter().cloned());
    if args.platform != DEFAULT_PLATFORM {
        words.extend(["--platform".to_owned(), args.platform.clone()]);
    }
    for (flag, values) in [("--var", &args.var), ("--env", &args.env)] {
        words.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    words.extend(args.against.iter().flat_map(|against| ["--against".to_owned(), against.clone()]));
    words.extend(args.gate.judge.words());
    words
}

/// A recipe is known by its ending; a transport's prefix says image whatever follows.
pub(in crate::cli) fn is_recipe(subject: &str) -> bool {
    let file = Path::new(subject);
    file.extension().is_some_and(|extension| extension == "toml") && (file.exists() || !subject.contains(':'))
}
