//! `bench` and `bench compare`.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use crate::cli::args::Bench;
use crate::cli::args::BenchCommand;
use crate::cli::args::BenchCompare;
use crate::cli::args::BenchRun;
use crate::cli::args::Format;
use crate::cli::args::Global;
use crate::cli::args::Objective;
use crate::cli::args::Route;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::interrupt;
use crate::cli::output::check_writable;
use crate::cli::output::write_file;
use crate::cli::progress;
use crate::cli::reach;
use crate::cli::reach::Reached;
use crate::endpoint;
use crate::endpoint::bench;
use crate::endpoint::bench::End;
use crate::endpoint::bench::Load;
use crate::endpoint::bench::Objectives;
use crate::endpoint::bench::Plan;
use crate::endpoint::bench::Prompts;
use crate::endpoint::bench::Summary;
use crate::endpoint::bench::compare::Meaning;
use crate::endpoint::protocol::Api;
use crate::report::bench as report;

/// Requests of a run that says nothing of its end.
const REQUESTS: u64 = 100;
/// The largest result that is read, in bytes; real ones have some tens of kilobytes.
const MAX_RESULT: u64 = 16 << 20;

/// Does what follows `bench`.
///
/// # Errors
/// When nothing could be asked, or a file cannot be read or written.
pub fn bench(args: &Bench, global: &Global) -> Result<Outcome, Failure> {
    match &args.command {
        Some(BenchCommand::Compare(args)) => compare(args, global.format),
        None => run(&args.run, global),
    }
}

fn run(args: &BenchRun, global: &Global) -> Result<Outcome, Failure> {
    if let Some((format, _)) = args.report.iter().find(|(format, _)| !has_view(*format)) {
        let message = format!("--report: there is no view `{format:?}` of a benchmark");
        return Err(Failure::usage(message, "use `human`, `json` or `html`"));
    }
    check_writable(args.report.iter().map(|(_, file)| file.as_path()))?;
    let prompts = match &args.prompts {
        Some(file) => Prompts::read(file)?,
        None => Prompts::Synthetic { words: args.prompt_words },
    };
    let subject = args.subject.as_deref().unwrap_or_default();
    let reached = reach::client(subject, &args.reach, &args.cluster, global)?;
    let client = &reached.client;
    let model = match &args.reach.model {
        Some(model) => model.clone(),
        None => match endpoint::first_model(client)? {
            Ok(model) => model,
            Err(failure) => return tell(&reached, &failure),
        },
    };
    let progress = progress::choose(global.progress, global.quiet);
    let mut summary =
        bench::run(client, &plan(args, model, prompts), &interrupt::ask_first(), progress.as_ref())?;
    summary.url = reached.name();
    summary.at = Some(jiff::Timestamp::now().to_string());
    if summary.requests.failed > 0 {
        reached.tell();
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    view(&mut out, &summary, global.format)?;
    out.flush()?;
    for (format, file) in &args.report {
        let mut bytes = Vec::new();
        view(&mut bytes, &summary, *format)?;
        write_file(file, &bytes)?;
    }
    Ok(outcome(&summary))
}

/// Interrupted goes before what the figures say: they are of a part of the run.
fn outcome(summary: &Summary) -> Outcome {
    let unreachable = |trouble: &bench::Trouble| endpoint::UNREACHABLE.contains(&trouble.kind.as_str());
    match summary.requests {
        _ if summary.interrupted => Outcome::Interrupted,
        bench::Requests { failed: 0, .. } => Outcome::Clean,
        bench::Requests { ok: 0, .. } if summary.errors.iter().all(unreachable) => Outcome::Unreachable,
        _ => Outcome::Findings,
    }
}

/// There is no model to ask: why, in the words that `smoke` uses.
fn tell(reached: &Reached, failure: &endpoint::Failure) -> Result<Outcome, Failure> {
    reached.tell();
    let hint = failure.kind.advice();
    let shown = crate::report::escape::line(&format!("{}: {}: {failure}", reached.name(), failure.kind));
    let mut out = io::stderr().lock();
    // Nothing can be done when standard error is closed.
    drop(writeln!(out, "error: {shown}\n\nhint: {hint}"));
    Ok(if failure.kind.is_unreachable() { Outcome::Unreachable } else { Outcome::Findings })
}

fn plan(args: &BenchRun, model: String, prompts: Prompts) -> Plan {
    let within = |wanted| args.slo.iter().rfind(|(name, _)| *name == wanted).map(|(_, time)| *time);
    Plan {
        api: match args.route {
            Route::Chat => Api::Chat,
            Route::Completions => Api::Completion,
        },
        model,
        stream: !args.no_stream,
        usage: !args.no_usage,
        max_tokens: args.max_tokens,
        prompts,
        load: match args.rate {
            Some(rate) => Load::Open { rate },
            None => Load::Closed { concurrency: args.concurrency.unwrap_or(1) as usize },
        },
        end: match args.duration {
            Some(time) => End::Duration(time),
            None => End::Requests(args.requests.unwrap_or(REQUESTS)),
        },
        warmup: args.warmup,
        seed: args.seed,
        objectives: Objectives {
            ttft: within(Objective::Ttft),
            tpot: within(Objective::Tpot),
            e2e: within(Objective::E2e),
        },
        most: args.most as usize,
    }
}

const fn has_view(format: Format) -> bool {
    matches!(format, Format::Human | Format::Json | Format::Html)
}

fn view(out: &mut dyn Write, summary: &Summary, format: Format) -> io::Result<()> {
    match format {
        Format::Json => report::json::write(out, summary),
        Format::Html => report::html::write(out, summary),
        _ => report::human::write(out, summary),
    }
}

fn compare(args: &BenchCompare, format: Format) -> Result<Outcome, Failure> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let comparison = bench::compare::compare(&before, &after, args.tolerance);
    let mut out = io::BufWriter::new(io::stdout().lock());
    match format {
        Format::Json => writeln!(out, "{:#}", report::compare::value(&comparison))?,
        _ => report::compare::write(&mut out, &comparison)?,
    }
    out.flush()?;
    let worse = comparison.differences.iter().any(|difference| difference.meaning == Meaning::Worse);
    Ok(if worse { Outcome::Findings } else { Outcome::Clean })
}

fn read(path: &Path) -> Result<Summary, Failure> {
    let failed = |problem: String| endpoint::Error::Result { path: path.to_owned(), problem };
    let io_error = |source| Failure::File { action: "read", path: path.display().to_string(), source };
    if fs::metadata(path).map_err(io_error)?.len() > MAX_RESULT {
        return Err(failed(format!("it has more than {MAX_RESULT} bytes")).into());
    }
    let bytes = fs::read(path).map_err(io_error)?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| failed(format!("no JSON: {error}")))?;
    match value["schema"].as_str() {
        Some(bench::SCHEMA) => {}
        other => {
            let found = other.unwrap_or("none");
            return Err(failed(format!("its schema is `{found}`, not `{}`", bench::SCHEMA)).into());
        }
    }
    Ok(serde_json::from_value(value).map_err(|error| failed(error.to_string()))?)
}
