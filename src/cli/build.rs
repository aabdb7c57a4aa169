//! `build` and `lock`.

use std::collections::BTreeSet;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::build;
use crate::build::Assembled;
use crate::build::Cleared;
use crate::build::Locked;
use crate::build::Verdict;
use crate::build::early::Earlies;
use crate::build::lock;
use crate::cli::args::Build;
use crate::cli::args::Format;
use crate::cli::args::RecipeArgs;
use crate::cli::audit::verdict;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::judge::Judge;
use crate::cli::mend::mended;
use crate::cli::output::check_directory;
use crate::cli::output::check_writable;
use crate::cli::output::print_report;
use crate::cli::output::write_file;
use crate::cli::output::write_reports;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::cli::stopwatch::Stopwatch;
use crate::oci::Reference;
use crate::recipe;
use crate::recipe::lockfile::Lockfile;
use crate::report;
use crate::report::Background;
use crate::report::Costs;
use crate::report::Report;
use crate::report::summary;
use crate::store::Damage;
use crate::transport::Receipt;
use crate::transport::Sink;

/// Builds every recipe; a recipe that the gate refuses does not keep the others from being built.
///
/// # Errors
/// The first recipe that cannot be built.
pub fn build(args: &Build, session: &Session) -> Result<Outcome, Failure> {
    let several = args.recipe.recipes.len() > 1;
    if several && args.output.iter().chain(&args.tag).any(|name| !name.contains("{name}")) {
        let message = "several recipes cannot have one output";
        return Err(Failure::usage(message, "put `{name}` in it, as in `--output oci:out/{name}`"));
    }
    let reports = args.gate.files().map(|(_, file)| file);
    let files = args.digest_file.iter().chain(&args.metadata_file).map(PathBuf::as_path);
    check_writable(reports.chain(files))?;
    let mut done = Done::default();
    let mut ended = Ok(());
    for path in &args.recipe.recipes {
        ended = build_one(args, path, session, &mut done);
        if ended.is_err() {
            break;
        }
    }
    // What was published before a failure is told all the same.
    if let Some(file) = &args.digest_file {
        write_file(file, done.digests.as_bytes())?;
    }
    let document = document(done.built);
    if let Some(file) = &args.metadata_file {
        write_file(file, format!("{document}\n").as_bytes())?;
    }
    if session.format == Format::Json {
        writeln!(io::stdout().lock(), "{document:#}")?;
    }
    write_reports(&args.gate, &done.reports)?;
    ended?;
    Ok(if done.refused { Outcome::Findings } else { Outcome::Clean })
}

/// What the recipes of one call came to.
#[derive(Default)]
struct Done {
    digests: String,
    built: Vec<Value>,
    reports: Vec<Report>,
    /// Places that were published to, as they were asked for.
    outputs: BTreeSet<String>,
    refused: bool,
}

impl Done {
    /// Notes and tells that the gate refuses a recipe.
    fn refuse(&mut self, path: &Path, summary: Value) {
        self.refused = true;
        self.built.push(summary);
        let text = "refused: nothing was written; `--gate off` builds it all the same";
        drop(writeln!(io::stderr().lock(), "{}: {text}", path.display()));
    }
}

/// One document for one recipe, a list for several.
fn document(mut all: Vec<Value>) -> Value {
    if all.len() == 1 { all.swap_remove(0) } else { Value::Array(all) }
}

fn build_one(args: &Build, path: &Path, session: &Session, done: &mut Done) -> Result<(), Failure> {
    let world = session.world();
    let mut watch = Stopwatch::start(world.places.traffic());
    let old = if args.locked { Some(Lockfile::read(&Lockfile::beside(path))?) } else { None };
    let locked = resolved(args, path, old.as_ref(), session)?;
    let wanted = outputs(args, &locked.recipe.name, done)?;
    let open = |text: &String| open_sink(text, &locked.recipe.name, session);
    let sinks = wanted.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let name = locked.recipe.name.clone();
    // Asked before the long work: a registry that denies, a daemon that is not there.
    let outputs = build::plan::ask(&locked, &sinks, &world)?;
    watch.lap("resolve");
    let background = Background {
        gate: args.gate.gate.gate(),
        command: again(path, &args.recipe.var, &args.gate.judge),
        ..Background::default()
    };
    let report = Report { background, ..Report::new(path.display().to_string(), Vec::new()) };
    let spared = old.as_ref().filter(|old| sparing(args, old, &locked, session));
    let mut locked = Some(locked);
    let mut next = || {
        let mut next = locked.take().map_or_else(|| resolved(args, path, old.as_ref(), session), Ok)?;
        next.base.keep = build::plan::sent(&outputs);
        Ok::<Locked, Failure>(next)
    };
    let (verdict, report) = mended(&mut || {
        if let Some(old) = spared
            && let Some(found) = by_others(next()?, args, old, report.clone(), session)?
        {
            return Ok(found);
        }
        let fetched = build::fetch::fetch(next()?, &world)?;
        watch.lap("read");
        verdict(fetched, &args.gate, report.clone(), session)
    })?;
    watch.lap("check");
    if session.format == Format::Human {
        // A standard error that takes nothing must not end the build.
        drop(print_report(&mut io::stderr().lock(), &report, session));
    }
    let found = report::json::value(&report).map_err(io::Error::other)?;
    done.reports.push(report);
    let cleared = match verdict {
        Verdict::Cleared(cleared) => cleared,
        Verdict::Refused { .. } => {
            done.refuse(path, summary::refused(&name, found));
            return Ok(());
        }
    };
    let (locked, edited) = (&cleared.fetched().locked, cleared.edited());
    let (assembled, receipts) = mended(&mut || make(&cleared, old.as_ref(), &sinks, &mut watch, session))?;
    let costs = Costs {
        wanted: edited.grafts.iter().map(|graft| graft.place.size).sum(),
        mounted: receipts.iter().map(Receipt::bytes_mounted).sum(),
        ..watch.costs()
    };
    if session.format == Format::Human {
        summary::write(&mut io::stdout().lock(), edited, &assembled, &receipts, &costs)?;
    }
    let built = summary::value(locked, edited, &assembled, &receipts, &costs, found);
    done.digests.push_str(&format!("{}\n", assembled.image.manifest.digest()));
    done.built.push(built);
    Ok(())
}

/// Makes and publishes a cleared build, whose result must be the one of the lock file where there is one.
fn make(
    cleared: &Cleared,
    old: Option<&Lockfile>,
    sinks: &[Box<dyn Sink>],
    watch: &mut Stopwatch,
    session: &Session,
) -> Result<(Assembled, Vec<Receipt>), Failure> {
    let world = session.world();
    // What goes up early and is not the locked result is given up when this ends.
    let mut earlies = Earlies::new(sinks, old);
    let assembled = build::assemble::assemble(cleared, &mut earlies, &world)?;
    watch.lap("write");
    if let Some(old) = old {
        lock::check_result(old, &lock::lockfile(cleared, &assembled)?)?;
    }
    let receipts = build::publish::publish(&assembled, &cleared.fetched().locked, sinks, &world)?;
    watch.lap("publish");
    Ok((assembled, receipts))
}

/// Whether others say what is in some layer: in a repository of indexes, in the cache, or, where no audit decides, which
/// would want to know what else is in a donor, in the tables of contents that donors carry. The lock file says what must
/// come of it.
fn sparing(args: &Build, old: &Lockfile, locked: &Locked, session: &Session) -> bool {
    let world = session.world();
    let said = world.indexes.is_some()
        || locked.images().any(|image| image.has_lent(&world))
        || (is_blind(args) && locked.donors.values().any(|donor| donor.has_tables(&world)));
    said && old.result.is_some()
}

/// Whether no finding keeps a build back.
const fn is_blind(args: &Build) -> bool {
    matches!(args.gate.gate.gate(), build::Gate::Off)
}

/// What the gate says of a build that goes by what others say. `None` when anything of it is not as the lock file says:
/// then the layers themselves say it better.
///
/// # Errors
/// Others have misled about a layer, which was read then.
fn by_others(
    locked: Locked,
    args: &Build,
    old: &Lockfile,
    report: Report,
    session: &Session,
) -> Result<Option<(Verdict, Report)>, Failure> {
    let world = session.world();
    let mut locked = locked.borrowing();
    locked.donors.values_mut().for_each(|donor| donor.tables = is_blind(args));
    let attempt = || {
        let fetched = build::fetch::fetch(locked, &world)?;
        let lent = fetched.is_lent();
        let (verdict, report) = verdict(fetched, &args.gate, report, session)?;
        match &verdict {
            Verdict::Cleared(cleared) if lent => {
                let assembled = build::assemble::assemble(cleared, &mut Earlies::default(), &world)?;
                lock::check_result(old, &lock::lockfile(cleared, &assembled)?)?;
            }
            // What a stranger finds wrong is to be seen here first.
            Verdict::Refused { .. } if lent => return Ok(None),
            Verdict::Cleared(_) | Verdict::Refused { .. } => {}
        }
        Ok(Some((verdict, report)))
    };
    match attempt() {
        Err(failure) if Damage::is_cause(&failure) => Err(failure),
        outcome => Ok(outcome.ok().flatten()),
    }
}

/// The recipe with its images pinned, held against its lock file.
fn resolved(args: &Build, path: &Path, old: Option<&Lockfile>, session: &Session) -> Result<Locked, Failure> {
    let mut recipe = recipe::load(path, &variables("--var", &args.recipe.var)?)?;
    args.gate.judge.overrides().apply(&mut recipe.audit)?;
    let mut locked = build::resolve::resolve(recipe, &session.world())?;
    if let Some(old) = old {
        lock::check_inputs(old, &locked)?;
        locked.pins = lock::pins(old);
    }
    Ok(locked)
}

/// The command that finds the same without building.
fn again(path: &Path, variables: &[String], judge: &Judge) -> Vec<String> {
    let words = ["imgforge".to_owned(), "audit".to_owned(), path.display().to_string()];
    let variables = variables.iter().flat_map(|one| ["--var".to_owned(), one.clone()]);
    words.into_iter().chain(variables).chain(judge.words()).collect()
}

/// The places that `--output`, `--push` and `--load` name; an OCI layout beside the user when none does.
///
/// # Errors
/// When an earlier recipe of the same call went to one of them.
fn outputs(args: &Build, name: &str, done: &mut Done) -> Result<Vec<String>, Failure> {
    let mut wanted: Vec<String> = args.output.clone();
    let tags = if args.tag.is_empty() { vec!["{name}:latest".to_owned()] } else { args.tag.clone() };
    if args.push {
        wanted.extend(tags.iter().map(|tag| format!("docker://{tag}")));
    }
    if args.load {
        wanted.extend(tags.iter().map(|tag| format!("docker-daemon:{tag}")));
    }
    if wanted.is_empty() {
        wanted.push("oci:{name}.oci:latest".to_owned());
    }
    for text in &mut wanted {
        *text = text.replace("{name}", name);
        if !done.outputs.insert(text.clone()) {
            let message = format!("two recipes of this call go to `{text}`");
            return Err(Failure::usage(
                message,
                "give the recipes names of their own, or build them one by one",
            ));
        }
    }
    Ok(wanted)
}

/// Opens a place to publish to; `{name}` in `text` stands for the recipe's name.
pub(super) fn open_sink(text: &str, name: &str, session: &Session) -> Result<Box<dyn Sink>, Failure> {
    let text = text.replace("{name}", name);
    let reference: Reference = text.parse().map_err(|error: crate::oci::reference::ReferenceError| {
        let hint = crate::hint::Hint::hint(&error);
        Failure::Usage { message: format!("output `{text}`: {error}"), hint }
    })?;
    check_place(&reference, &text)?;
    Ok(session.world().places.sink(&reference, name)?)
}

/// A place on this machine must be able to take files: that is known before the work.
fn check_place(reference: &Reference, text: &str) -> Result<(), Failure> {
    match reference {
        Reference::Directory(_) => Err(Failure::usage(
            format!("output `{text}`: an unpacked tree cannot hold an image"),
            "name a registry, oci:, oci-archive:, docker-archive: or docker-daemon:",
        )),
        Reference::Layout(path, _) => {
            // The layout itself is made when it is not there; what is above it, too.
            let there = path.ancestors().find(|path| path.as_os_str().is_empty() || path.exists());
            check_directory(path, there.unwrap_or(Path::new("")))
        }
        Reference::OciArchive(path, _) | Reference::DockerArchive(path, _) => {
            check_writable([path.as_path()])
        }
        Reference::Registry(_) | Reference::Daemon(_) => Ok(()),
    }
}

/// Pins every input and result of each recipe in its lock file.
///
/// # Errors
/// When a recipe cannot be built; its lock file stays as it was.
pub fn lock(args: &RecipeArgs, session: &Session) -> Result<Outcome, Failure> {
    let world = session.world();
    let mut written = Vec::new();
    for path in &args.recipes {
        let verdict = mended(&mut || {
            let recipe = recipe::load(path, &variables("--var", &args.var)?)?;
            let fetched = build::fetch::fetch(build::resolve::resolve(recipe, &world)?, &world)?;
            // Locking pins what is there; whether it is good is for `audit` and `build` to say.
            Ok(build::gate::gate(fetched, build::Gate::Off, &world)?)
        })?;
        let Verdict::Cleared(cleared) = verdict else {
            continue;
        };
        let assembled = build::assemble::assemble(&cleared, &mut Earlies::default(), &world)?;
        let file = Lockfile::beside(path);
        lock::lockfile(&cleared, &assembled)?.write(&file)?;
        let digest = assembled.image.manifest.digest();
        match session.format {
            Format::Human => writeln!(io::stdout().lock(), "{} {digest}", file.display())?,
            _ => {
                let name = file.display().to_string();
                written.push(json!({"file": name, "digest": digest.to_string()}));
            }
        }
    }
    if session.format == Format::Json {
        writeln!(io::stdout().lock(), "{:#}", document(written))?;
    }
    Ok(Outcome::Clean)
}
