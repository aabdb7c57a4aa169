//! A benchmark: for people, for machines, as a page with plots, and two of them side by side.

pub mod compare;
pub mod html;
pub mod human;
pub mod json;
mod plot;

use crate::endpoint::bench::LoadSummary;
use crate::endpoint::bench::Spread;
use crate::endpoint::bench::Summary;

/// The load in words.
fn load(load: &LoadSummary) -> String {
    let mut text = match (load.rate, load.concurrency) {
        (Some(rate), _) => format!("open, {rate} requests/s"),
        (None, Some(1)) => "closed, 1 request at a time".to_owned(),
        (None, Some(several)) => format!("closed, {several} requests at a time"),
        (None, None) => "unknown".to_owned(),
    };
    match (load.requests, load.seconds) {
        (Some(count), _) => text.push_str(&format!(", {count} requests")),
        (None, Some(seconds)) => text.push_str(&format!(", {seconds} s")),
        (None, None) => {}
    }
    if load.warmup > 0 {
        text.push_str(&format!(" after {} to warm up", load.warmup));
    }
    let stream = if load.stream { "streamed" } else { "not streamed" };
    text.push_str(&format!(", {stream}, at most {} tokens each, {}", load.max_tokens, load.prompts));
    text
}

/// The distributions that a run has, by name.
fn spreads(run: &Summary) -> Vec<(&'static str, &Spread)> {
    let all = [
        ("time to first token", &run.latency.ttft),
        ("between events", &run.latency.itl),
        ("per token", &run.latency.tpot),
        ("end to end", &run.latency.e2e),
        ("sent late", &run.latency.late),
    ];
    all.into_iter().filter_map(|(name, spread)| Some((name, spread.as_ref()?))).collect()
}

/// What a reader must know before believing the figures.
fn caveats(run: &Summary) -> Vec<String> {
    let mut all = Vec::new();
    if run.interrupted {
        all.push("interrupted: what was under way is not in the figures".to_owned());
    }
    if run.tokens.uncounted > 0 {
        all.push(format!(
            "the server gave no token counts for {} of {} answers: tokens/s and time per token leave them out",
            run.tokens.uncounted, run.requests.ok
        ));
    }
    if run.requests.again > 0 {
        all.push(format!(
            "{} requests were sent again: the server closed connections that it had kept open",
            run.requests.again
        ));
    }
    if !run.load.stream {
        all.push("not streamed: there is no time to first token".to_owned());
    }
    let late = run.latency.late.as_ref().and_then(|late| late.quantile(0.99));
    if let Some(late) = late.filter(|late| late.ms > 10.0) {
        all.push(format!(
            "1 % of the requests were sent more than {:.0} ms late: this client is too slow for the rate",
            late.ms
        ));
    }
    all
}

/// A time in milliseconds with three digits.
fn ms(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
