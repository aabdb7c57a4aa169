//! `audit`.

use std::io;
use std::path::Path;

use crate::build;
use crate::build::Subject;
use crate::build::Verdict;
use crate::cli::args::Audit;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::parse_image;
use crate::cli::image::parse_platform;
use crate::cli::output::check_writable;
use crate::cli::output::print_report;
use crate::cli::output::write_reports;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::recipe;
use crate::recipe::AuditOptions;
use crate::report::Report;

/// Checks a recipe's result, or an image as it is, and prints the findings as the result.
///
/// # Errors
/// When the recipe or the image cannot be had.
pub fn audit(args: &Audit, session: &Session) -> Result<Outcome, Failure> {
    check_writable(args.gate.report.iter().map(|(_, file)| file.as_path()))?;
    let world = session.world();
    let gate = args.gate.gate.gate();
    let (findings, refused) = if is_recipe(&args.subject) {
        if !args.env.is_empty() {
            return Err(Failure::usage(
                "--env is for images and trees as they are",
                "write it into the recipe, under `[config]`",
            ));
        }
        let recipe = recipe::load(Path::new(&args.subject), &variables("--var", &args.var)?)?;
        let fetched = build::fetch::fetch(build::resolve::resolve(recipe, &world)?, &world)?;
        let verdict = build::gate::gate(fetched, gate, &world)?;
        let refused = matches!(verdict, Verdict::Refused { .. });
        (verdict.findings().to_vec(), refused)
    } else {
        if !args.var.is_empty() {
            return Err(Failure::usage(
                "--var is for recipes",
                "leave it out, or name a recipe: its name ends in `.toml`",
            ));
        }
        let reference = parse_image(&args.subject)?;
        let env = variables("--env", &args.env)?;
        let subject = Subject::resolve(&world, &reference, &parse_platform(&args.platform)?)?;
        let findings = subject.audit(env, &AuditOptions::default(), &world)?;
        let refused = findings.iter().any(|finding| gate.refuses(finding));
        (findings, refused)
    };
    let report = Report::new(args.subject.clone(), findings);
    print_report(&mut io::stdout().lock(), &report, session)?;
    write_reports(&args.gate, std::slice::from_ref(&report))?;
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}

/// A recipe is known by its ending; a transport's prefix says image whatever follows.
pub(super) fn is_recipe(subject: &str) -> bool {
    let file = Path::new(subject);
    file.extension().is_some_and(|extension| extension == "toml") && (file.exists() || !subject.contains(':'))
}
