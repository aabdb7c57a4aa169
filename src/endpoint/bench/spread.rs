//! How times are spread: quantiles out of an HDR histogram, with how far chance may have moved them.

use std::time::Duration;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::rate::Z;

/// The longest time that is told apart from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;
/// The quantiles that are told.
const TOLD: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
/// Steps of the curve.
const STEPS: u32 = 100;

/// Collects times, exact to 0.1 %, in a memory that does not grow with their number.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

/// How times are spread, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Their standard deviation.
    pub deviation_ms: f64,
    /// The shortest.
    pub min_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The times that a share of all do not exceed.
    pub quantiles: Vec<Quantile>,
    /// The whole distribution: shares in steps of a hundredth and the tail.
    pub curve: Vec<Point>,
}

/// A quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantile {
    /// The share, such as 0.99.
    pub q: f64,
    /// The time.
    pub ms: f64,
    /// Lower end of the 95 % interval by order statistics, which takes requests to be independent; none when there are
    /// too few.
    pub low_ms: Option<f64>,
    /// Upper end.
    pub high_ms: Option<f64>,
}

/// A point of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The share of all times that are at most…
    pub share: f64,
    /// …so long.
    pub ms: f64,
}

impl Times {
    pub(super) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that the crate takes")]
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("sound bounds"))
    }

    pub(super) fn record(&mut self, time: Duration) {
        self.record_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn record_micros(&mut self, micros: u64) {
        self.0.saturating_record(micros.max(1));
    }

    /// `None` when there are no times.
    pub(super) fn spread(&self) -> Option<Spread> {
        let n = self.0.len();
        if n == 0 {
            return None;
        }
        let curve = (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS)).chain([0.995, 0.999, 0.9999]);
        let mut curve: Vec<Point> = curve.map(|share| Point { share, ms: self.at(share) }).collect();
        curve.sort_by(|a, b| a.share.total_cmp(&b.share));
        Some(Spread {
            count: n,
            mean_ms: self.0.mean() / 1e3,
            deviation_ms: self.0.stdev() / 1e3,
            min_ms: milliseconds(self.0.min()),
            max_ms: milliseconds(self.0.max()),
            quantiles: TOLD.map(|q| self.quantile(q, n as f64)).to_vec(),
            curve,
        })
    }

    fn at(&self, share: f64) -> f64 {
        milliseconds(self.0.value_at_quantile(share).min(self.0.max()))
    }

    /// Of n values about nq lie below the quantile, give or take √(nq(1-q)).
    fn quantile(&self, q: f64, n: f64) -> Quantile {
        let off = Z * (n * q * (1.0 - q)).sqrt();
        let (low, high) = (n * q - off, n * q + off + 1.0);
        let end = |rank: f64| (rank >= 1.0 && rank <= n).then(|| self.at(rank / n));
        Quantile { q, ms: self.at(q), low_ms: end(low.floor()), high_ms: end(high.ceil()) }
    }
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}

impl Spread {
    /// The quantile of this share, if it is told.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|quantile| (quantile.q - q).abs() < 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = u64>) -> Spread {
        let mut times = Times::new();
        values.for_each(|value| times.record(Duration::from_millis(value)));
        times.spread().unwrap()
    }

    fn close(value: f64, want: f64) -> bool {
        (value - want).abs() <= want * 0.001
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let spread = of(1..=1000);
        assert!(close(spread.mean_ms, 500.5) && close(spread.max_ms, 1000.0) && close(spread.min_ms, 1.0));
        for (q, want) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            assert!(close(spread.quantile(q).unwrap().ms, want), "{spread:?}");
        }
        // 500 ± 1.96·√250, outwards: ranks 469 and 532.
        let median = spread.quantile(0.5).unwrap();
        assert!(close(median.low_ms.unwrap(), 469.0) && close(median.high_ms.unwrap(), 532.0), "{median:?}");
        assert!(spread.quantile(0.999).unwrap().high_ms.is_none());
        assert!(spread.curve.is_sorted_by(|a, b| a.share <= b.share && a.ms <= b.ms));
    }

    #[test]
    fn extremes_are_kept_within_bounds() {
        let mut times = Times::new();
        assert_eq!(times.spread(), None);
        times.record(Duration::ZERO);
        times.record(Duration::from_secs(100_000));
        let spread = times.spread().unwrap();
        assert!(close(spread.max_ms, 3_600_000.0), "{spread:?}");
    }
}
