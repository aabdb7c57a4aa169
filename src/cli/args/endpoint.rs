//! `smoke` and `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use super::ClusterArgs;

/// How a served model is reached.
#[derive(Debug, Args)]
pub struct Reach {
    /// The model; the first that the server lists when none is named
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Environment variable that holds the API key
    #[arg(long, value_name = "VARIABLE")]
    pub api_key_env: Option<String>,
    /// Longest silence: before an answer begins and between its parts (10s, 500ms, 2m); the whole may take ten times that
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub timeout: Duration,
}

/// `smoke`.
#[derive(Debug, Args)]
pub struct Smoke {
    /// Address of the server, with or without `/v1`; or deploy/NAME, svc/NAME, pod/NAME (each with :PORT if need be) or
    /// a recipe: through the cluster
    #[arg(value_name = "URL|deploy/NAME|RECIPE")]
    pub subject: String,
    /// How it is reached.
    #[command(flatten)]
    pub reach: Reach,
    /// Where it runs, when it is no address.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// What to say to the model
    #[arg(long, default_value = "The capital of France is")]
    pub prompt: String,
    /// The most tokens of each answer
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// Leave a step out; may be repeated
    #[arg(long, value_name = "STEP", value_parser = crate::endpoint::smoke::STEPS)]
    pub skip: Vec<String>,
}

/// `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Bench {
    /// What else of it.
    #[command(subcommand)]
    pub command: Option<BenchCommand>,
    /// The run.
    #[command(flatten)]
    pub run: BenchRun,
}

/// The commands below `bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Hold the results of two runs against each other
    Compare(BenchCompare),
}

/// `bench URL`.
#[derive(Debug, Args)]
pub struct BenchRun {
    /// Address of the server, with or without `/v1`; or deploy/NAME, svc/NAME, pod/NAME (each with :PORT if need be) or
    /// a recipe: through the cluster
    #[arg(required = true, value_name = "URL|deploy/NAME|RECIPE")]
    pub subject: Option<String>,
    /// How it is reached.
    #[command(flatten)]
    pub reach: Reach,
    /// Where it runs, when it is no address.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The route that makes tokens
    #[arg(long, value_enum, default_value_t = Route::Chat)]
    pub route: Route,
    /// Open load: so many requests a second on average, at random times, whether or not answers come
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "concurrency", value_parser = rate)]
    pub rate: Option<f64>,
    /// Closed load: so many requests at once [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub concurrency: Option<u32>,
    /// End after so many requests [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// End after so long (30s, 5m)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// So many requests go before and do not count
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub warmup: u64,
    /// Prompts: a text a line, or a JSON object with `prompt` a line
    #[arg(long, value_name = "FILE", conflicts_with = "prompt_words")]
    pub prompts: Option<PathBuf>,
    /// Make up prompts of so many words
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompt_words: u32,
    /// The most tokens of an answer
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
    /// Ask for whole answers instead of streams
    #[arg(long)]
    pub no_stream: bool,
    /// Do not ask for token counts at the end of streams: some servers refuse `stream_options`
    #[arg(long)]
    pub no_usage: bool,
    /// Seed of prompts and sending times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The most requests under way at once with --rate; sending waits then, and the wait counts
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub most: u32,
    /// What makes an answer a good one: ttft, tpot (mean time a token) or e2e within a time; may be repeated
    #[arg(long, value_name = "NAME=TIME", value_parser = objective)]
    pub slo: Vec<(Objective, Duration)>,
    /// Write the result to FILE besides: json=FILE or html=FILE; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = super::report_file)]
    pub report: Vec<(super::Format, PathBuf)>,
}

/// `bench compare`.
#[derive(Debug, Args)]
pub struct BenchCompare {
    /// Result of the first run, as `--format json` printed it
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Result of the second
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Differences of at most so many percent do not count
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub tolerance: f64,
}

/// Routes that make tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Route {
    /// /v1/chat/completions
    Chat,
    /// /v1/completions
    Completions,
}

/// What an objective is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Objective {
    /// Time to the first text.
    Ttft,
    /// Mean time for a token after the first.
    Tpot,
    /// Time to the end.
    E2e,
}

/// A time with its unit: more than nothing, at most a week.
fn time(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("write a number with `ms`, `s`, `m` or `h`".to_owned()),
    };
    let seconds = number.parse().ok().map(|number: f64| number * scale);
    match seconds.filter(|seconds| (1e-3..=604_800.0).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err("write a time between 1ms and 168h, such as 30s".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|rate| (1e-3..=1e6).contains(rate));
    rate.ok_or_else(|| "write a number of requests a second between 0.001 and 1000000".to_owned())
}

/// `NAME=TIME`.
fn objective(text: &str) -> Result<(Objective, Duration), String> {
    let (name, within) = text.split_once('=').ok_or("write NAME=TIME, such as ttft=200ms")?;
    let name = Objective::from_str(name, true).map_err(|_| "the names are `ttft`, `tpot` and `e2e`")?;
    Ok((name, time(within)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, want) in [
            ("500ms", Some(500)),
            ("2", Some(2000)),
            ("1.5s", Some(1500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0s", None),
            ("-1s", None),
            ("1e9s", None),
            ("NaN", None),
            ("10 s", None),
            ("1d", None),
        ] {
            assert_eq!(time(text).ok(), want.map(Duration::from_millis), "{text}");
        }
        assert_eq!(objective("ttft=200ms"), Ok((Objective::Ttft, Duration::from_millis(200))));
        assert!(objective("ttft").is_err() && objective("x=1s").is_err());
        assert!(rate("0").is_err() && rate("inf").is_err() && rate("2.5") == Ok(2.5));
    }
}
