//! Two runs held against each other: what differs, and whether by more than chance moves it.
//!
//! Chance is known within each run only: intervals say how far a figure of that run may be off. What changes from one
//! run to the next on the same server (other tenants, clocks, temperature) is not in them.

use super::rate::Rate;
use super::spread::Quantile;
use super::spread::Spread;
use super::summary::Summary;

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The second run is better, beyond noise and tolerance.
    Better,
    /// The second run is worse, beyond noise and tolerance.
    Worse,
    /// The difference is within noise or tolerance.
    Same,
    /// There are too few values to say.
    Unknown,
}

/// One figure of both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What it is, with its unit.
    pub what: String,
    /// In the first run.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// What it means.
    pub meaning: Meaning,
}

/// Both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Settings in which the runs differ: what they measure is not the same.
    pub settings: Vec<String>,
    /// The figures that both have.
    pub differences: Vec<Difference>,
}

impl Difference {
    /// How much more the second run has, in percent of the first; `None` when that has nothing.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        (self.before != 0.0).then(|| (self.after / self.before - 1.0) * 100.0)
    }
}

/// A figure with its interval.
type Measured = (f64, Option<f64>, Option<f64>);

/// Compares two runs. A difference of at most `tolerance` percent never counts.
#[must_use]
pub fn compare(before: &Summary, after: &Summary, tolerance: f64) -> Comparison {
    let mut differences = Vec::new();
    let mut add = |what: &str, more_is_better: bool, before: Option<Measured>, after: Option<Measured>| {
        if let (Some(before), Some(after)) = (before, after) {
            let meaning = meaning(before, after, more_is_better, tolerance);
            differences.push(Difference { what: what.to_owned(), before: before.0, after: after.0, meaning });
        }
    };
    let rate = |rate: Rate| (rate.per_second, rate.low, rate.high);
    add("requests/s", true, Some(rate(before.requests.rate)), Some(rate(after.requests.rate)));
    let output = |run: &Summary| run.tokens.output_rate.map(rate);
    add("output tokens/s", true, output(before), output(after));
    let (b, a) = (&before.latency, &after.latency);
    for (name, before, after) in [
        ("time to first token", &b.ttft, &a.ttft),
        ("between events", &b.itl, &a.itl),
        ("per token", &b.tpot, &a.tpot),
        ("end to end", &b.e2e, &a.e2e),
    ] {
        for q in [0.5, 0.9, 0.99] {
            let at = |spread: &Option<Spread>| spread.as_ref().and_then(|it| it.quantile(q)).map(measured);
            add(&format!("{name} p{} (ms)", q * 100.0), false, at(before), at(after));
        }
    }
    Comparison { settings: settings(before, after), differences }
}

const fn measured(quantile: &Quantile) -> Measured {
    (quantile.ms, quantile.low_ms, quantile.high_ms)
}

/// Two intervals that do not touch differ by more than chance.
fn meaning(before: Measured, after: Measured, more_is_better: bool, tolerance: f64) -> Meaning {
    let (Some(b_low), Some(b_high), Some(a_low), Some(a_high)) = (before.1, before.2, after.1, after.2)
    else {
        return Meaning::Unknown;
    };
    let apart = a_low > b_high || a_high < b_low;
    let much = (after.0 - before.0).abs() * 100.0 > tolerance * before.0.abs();
    match (apart && much, (after.0 > before.0) == more_is_better) {
        (false, _) => Meaning::Same,
        (true, true) => Meaning::Better,
        (true, false) => Meaning::Worse,
    }
}

fn settings(before: &Summary, after: &Summary) -> Vec<String> {
    let fields = |run: &Summary| serde_json::to_value(&run.load).unwrap_or_default();
    let (a, b) = (fields(before), fields(after));
    let differ = a.as_object().into_iter().flatten().filter(|(name, value)| b[name.as_str()] != **value);
    differ.map(|(name, value)| format!("{name}: {value}, then {}", b[name.as_str()])).collect()
}
