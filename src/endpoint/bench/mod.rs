//! The benchmark: how long answers take under a load, and how many tokens come a second.
//!
//! Two kinds of load. An *open* one sends at a rate, whether or not earlier answers have come, as users do; a request's
//! time counts from the moment at which it was meant to be sent, so a server that stalls cannot hide it by keeping the
//! client from asking (coordinated omission). A *closed* one keeps a number of requests under way.
//!
//! Tokens are counted by the server (`usage`) and never guessed from the text.

mod closed;
pub mod compare;
mod conclude;
mod open;
mod prompts;
mod random;
mod rate;
mod run;
mod series;
mod spread;
mod summary;
mod tally;

use std::time::Duration;

pub use prompts::Prompts;
pub use rate::Rate;
pub use run::run;
pub use series::Slice;
pub use spread::Point;
pub use spread::Quantile;
pub use spread::Spread;
pub use summary::Goodput;
pub use summary::Latency;
pub use summary::LoadSummary;
pub use summary::Requests;
pub use summary::SCHEMA;
pub use summary::Series;
pub use summary::Summary;
pub use summary::Tokens;
pub use summary::Trouble;

use crate::endpoint::protocol::Api;

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// So many a second on average, at times that know nothing of each other (a Poisson process).
    Open {
        /// Requests a second; more than zero.
        rate: f64,
    },
    /// So many at once, each followed by the next.
    Closed {
        /// At least one.
        concurrency: usize,
    },
}

/// When no more requests are sent; those under way are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After so many that count.
    Requests(u64),
    /// So long after the first one that counts.
    Duration(Duration),
}

/// Times within which an answer is a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Objectives {
    /// To the first text.
    pub ttft: Option<Duration>,
    /// Mean time for each token after the first.
    pub tpot: Option<Duration>,
    /// To the end of the answer.
    pub e2e: Option<Duration>,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The route.
    pub api: Api,
    /// The model.
    pub model: String,
    /// Whether answers are streamed. Without it only whole answers can be timed.
    pub stream: bool,
    /// Whether to ask for token counts at the end of a stream.
    pub usage: bool,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// What to say.
    pub prompts: Prompts,
    /// How requests follow each other.
    pub load: Load,
    /// When it ends.
    pub end: End,
    /// So many requests go before and do not count.
    pub warmup: u64,
    /// Seed of prompts and arrival times.
    pub seed: u64,
    /// What a good answer is.
    pub objectives: Objectives,
    /// The most requests under way at once in an open load. When there are as many, sending waits, and that wait
    /// counts.
    pub most: usize,
}

impl Objectives {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
