//! From what was counted to the figures that are told.

use std::time::Duration;

use super::End;
use super::Load;
use super::Plan;
use super::rate::Rate;
use super::summary::Goodput;
use super::summary::Latency;
use super::summary::LoadSummary;
use super::summary::Requests;
use super::summary::SCHEMA;
use super::summary::Series;
use super::summary::Summary;
use super::summary::Tokens;
use super::summary::Trouble;
use super::tally::Tally;

/// The summary of a run; `interrupted` when it did not come to its end by itself.
pub(super) fn summary(plan: &Plan, url: String, tally: &Tally, interrupted: bool) -> Summary {
    let window = match (tally.begun, tally.ended) {
        (Some(begun), Some(ended)) => ended.saturating_duration_since(begun),
        _ => Duration::ZERO,
    };
    let (seconds, width) = (window.as_secs_f64(), tally.slices.width.as_secs_f64());
    let count = |total: u64, slices: Vec<f64>| Rate::new(total as f64, seconds, &slices, width);
    let rate = count(tally.ok, tally.slices.full(window, |slice| slice.ok));
    let mut errors: Vec<Trouble> = tally
        .errors
        .iter()
        .map(|(kind, (count, example))| Trouble {
            kind: kind.clone(),
            count: *count,
            example: example.clone(),
        })
        .collect();
    errors.sort_by_key(|trouble| std::cmp::Reverse(trouble.count));
    Summary {
        schema: SCHEMA.to_owned(),
        imgforge: env!("CARGO_PKG_VERSION").to_owned(),
        at: None,
        url,
        load: load(plan),
        seconds,
        interrupted,
        requests: Requests { ok: tally.ok, failed: tally.failed, again: tally.again, rate },
        errors,
        latency: Latency {
            ttft: tally.ttft.spread(),
            itl: tally.itl.spread(),
            tpot: tally.tpot.spread(),
            e2e: tally.e2e.spread(),
            late: matches!(plan.load, Load::Open { .. }).then(|| tally.late.spread()).flatten(),
        },
        tokens: tokens(tally, seconds, count, window),
        goodput: (!plan.objectives.is_empty()).then(|| goodput(plan, tally, seconds)),
        series: Series { slice_seconds: width, slices: tally.slices.all.clone() },
    }
}

fn tokens(tally: &Tally, seconds: f64, rate: impl Fn(u64, Vec<f64>) -> Rate, window: Duration) -> Tokens {
    let counted = tally.ok > tally.uncounted;
    let output = || rate(tally.output_tokens, tally.slices.full(window, |slice| slice.output_tokens));
    let total = (tally.prompt_tokens.saturating_add(tally.output_tokens)) as f64;
    Tokens {
        prompt: tally.prompt_tokens,
        output: tally.output_tokens,
        uncounted: tally.uncounted,
        events: tally.events,
        output_rate: counted.then(output),
        // Prompts are not sliced: they come at once, and what they cost shows in the answers.
        total_rate: counted.then(|| Rate::new(total, seconds, &[], 0.0)),
    }
}

fn goodput(plan: &Plan, tally: &Tally, seconds: f64) -> Goodput {
    let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
    let all = tally.ok + tally.failed;
    Goodput {
        ttft_ms: ms(plan.objectives.ttft),
        tpot_ms: ms(plan.objectives.tpot),
        e2e_ms: ms(plan.objectives.e2e),
        ok: tally.good,
        share: if all == 0 { 0.0 } else { tally.good as f64 / all as f64 },
        per_second: if seconds > 0.0 { tally.good as f64 / seconds } else { 0.0 },
    }
}

fn load(plan: &Plan) -> LoadSummary {
    let (rate, concurrency) = match plan.load {
        Load::Open { rate } => (Some(rate), None),
        Load::Closed { concurrency } => (None, Some(concurrency as u64)),
    };
    let (requests, seconds) = match plan.end {
        End::Requests(count) => (Some(count), None),
        End::Duration(time) => (None, Some(time.as_secs_f64())),
    };
    LoadSummary {
        model: plan.model.clone(),
        route: format!("/{}", plan.api.path()),
        stream: plan.stream,
        max_tokens: plan.max_tokens,
        prompts: plan.prompts.name(),
        rate,
        concurrency,
        requests,
        seconds,
        warmup: plan.warmup,
        seed: plan.seed,
    }
}
