//! The result of a run, as a document: `imgforge.bench/1`. Fields may be added; none changes its meaning within a version.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::rate::Rate;
use super::series::Slice;
use super::spread::Spread;

/// The document's version.
pub const SCHEMA: &str = "imgforge.bench/1";

/// A run and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The version of this document: `imgforge.bench/1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The version of imgforge.
    pub imgforge: String,
    /// When the run ended, as RFC 3339; none when nobody said.
    pub at: Option<String>,
    /// The server.
    pub url: String,
    /// What was asked of it, and how.
    pub load: LoadSummary,
    /// From the first request that counts to the end of the last.
    pub seconds: f64,
    /// Whether it was ended before its time: what was under way then is not in any figure.
    pub interrupted: bool,
    /// How the requests ended.
    pub requests: Requests,
    /// Failures by kind, most frequent first.
    pub errors: Vec<Trouble>,
    /// Times of good answers.
    pub latency: Latency,
    /// Tokens of good answers.
    pub tokens: Tokens,
    /// Answers within the objectives, when there are objectives.
    pub goodput: Option<Goodput>,
    /// The run over time.
    pub series: Series,
}

/// What was asked, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadSummary {
    /// The model.
    pub model: String,
    /// The path of the route.
    pub route: String,
    /// Whether answers were streamed.
    pub stream: bool,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// What the prompts were.
    pub prompts: String,
    /// Requests a second that were meant to be sent: an open load.
    pub rate: Option<f64>,
    /// Requests under way at once: a closed load.
    pub concurrency: Option<u64>,
    /// When it was to end: after so many requests.
    pub requests: Option<u64>,
    /// When it was to end: after so many seconds.
    pub seconds: Option<f64>,
    /// Requests that went before and do not count.
    pub warmup: u64,
    /// Seed of prompts and arrival times.
    pub seed: u64,
}

/// How requests ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Good answers.
    pub ok: u64,
    /// Failures.
    pub failed: u64,
    /// Good answers to requests that were sent twice, because the server closed a kept connection under the first.
    pub again: u64,
    /// Good answers a second.
    pub rate: Rate,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// The kind, such as `status-429`, `cut` or `first-byte-timeout`.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The words of the first.
    pub example: String,
}

/// Times of good answers. In an open load they begin when a request was meant to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// To the first text of a stream.
    pub ttft: Option<Spread>,
    /// Between an event with text and the one before it.
    pub itl: Option<Spread>,
    /// For each token after the first, by the server's counts: one value a request.
    pub tpot: Option<Spread>,
    /// To the end of the answer.
    pub e2e: Option<Spread>,
    /// How late requests were sent: this client's own delay, part of all others. An open load has it.
    pub late: Option<Spread>,
}

/// Tokens as the server counts them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Of the prompts.
    pub prompt: u64,
    /// Of the answers.
    pub output: u64,
    /// Answers for which the server gave no counts: they are in neither number.
    pub uncounted: u64,
    /// Events with text, streams only. No token count: an event may hold several.
    pub events: u64,
    /// Tokens of answers a second; none when the server counted nothing.
    pub output_rate: Option<Rate>,
    /// Tokens of prompts and answers a second.
    pub total_rate: Option<Rate>,
}

/// Answers within the objectives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Goodput {
    /// The objectives in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Mean time for a token.
    pub tpot_ms: Option<f64>,
    /// To the end.
    pub e2e_ms: Option<f64>,
    /// Answers that met all of them.
    pub ok: u64,
    /// Of all requests, failures included: at least 0, at most 1.
    pub share: f64,
    /// A second.
    pub per_second: f64,
}

/// The run over time: what ended when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// How long a slice is.
    pub slice_seconds: f64,
    /// The slices, from the first request that counts on.
    pub slices: Vec<Slice>,
}
