//! `audit`.

use std::io;
use std::path::Path;

use crate::build;
use crate::build::Subject;
use crate::build::Verdict;
use crate::cli::args::Audit;
use crate::cli::args::DEFAULT_PLATFORM;
use crate::cli::args::Format;
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
use crate::report::Background;
use crate::report::Report;
use crate::report::scene;

/// Checks a recipe's result, or an image as it is, and prints the findings as the result.
///
/// # Errors
/// When the recipe or the image cannot be had.
pub fn audit(args: &Audit, session: &Session) -> Result<Outcome, Failure> {
    check_writable(args.gate.report.iter().map(|(_, file)| file.as_path()))?;
    let world = session.world();
    let gate = args.gate.gate.gate();
    let mut background = Background { gate, command: again(args), ..Background::default() };
    let mut anatomy = None;
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
        let drawn = session.format == Format::Html
            || args.gate.report.iter().any(|(format, _)| *format == Format::Html);
        let (findings, ()) = subject.examine(env, &AuditOptions::default(), &world, |seen, findings| {
            background.images = vec![scene::identity(&subject)];
            background.environment = scene::environment(seen.view.env);
            background.files = scene::files(seen.view, findings);
            if drawn {
                anatomy = Some(scene::anatomy(&subject, seen, findings)?);
            }
            Ok(())
        })?;
        let refused = findings.iter().any(|finding| gate.refuses(finding));
        (findings, refused)
    };
    let report = Report { background, anatomy, ..Report::new(args.subject.clone(), findings) };
    print_report(&mut io::stdout().lock(), &report, session)?;
    write_reports(&args.gate, std::slice::from_ref(&report))?;
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}

/// The command that finds the same: no flag that only says where things are kept or how they are shown.
fn again(args: &Audit) -> Vec<String> {
    let mut words = vec!["imgforge".to_owned(), "audit".to_owned(), args.subject.clone()];
    if args.platform != DEFAULT_PLATFORM {
        words.extend(["--platform".to_owned(), args.platform.clone()]);
    }
    for (flag, values) in [("--var", &args.var), ("--env", &args.env)] {
        words.extend(values.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    words
}

/// A recipe is known by its ending; a transport's prefix says image whatever follows.
fn is_recipe(subject: &str) -> bool {
    let file = Path::new(subject);
    file.extension().is_some_and(|extension| extension == "toml") && (file.exists() || !subject.contains(':'))
}
