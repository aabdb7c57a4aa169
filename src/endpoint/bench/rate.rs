//! A rate with how far it may be off.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// 97.5 % of a normal distribution lie below so many standard deviations.
pub(super) const Z: f64 = 1.96;
/// With fewer slices nothing can be said about how they differ.
const FEWEST: usize = 8;

/// So much a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Over the whole run.
    pub per_second: f64,
    /// Lower end of the 95 % interval, from how the run's slices differ; none when there are too few.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Rate {
    /// `total` in `seconds`; `slices` is what came in each of the run's equal parts, each `width` seconds long.
    pub(super) fn new(total: f64, seconds: f64, slices: &[f64], width: f64) -> Self {
        let per_second = if seconds > 0.0 { total / seconds } else { 0.0 };
        if slices.len() < FEWEST || width <= 0.0 {
            return Self { per_second, low: None, high: None };
        }
        let n = slices.len() as f64;
        let mean = slices.iter().sum::<f64>() / n;
        let variance = slices.iter().map(|slice| (slice - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = Z * (variance / n).sqrt() / width;
        Self { per_second, low: Some((per_second - error).max(0.0)), high: Some(per_second + error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_as_wide_as_the_slices_differ() {
        let same = Rate::new(80.0, 8.0, &[10.0; 8], 1.0);
        assert_eq!(same, Rate { per_second: 10.0, low: Some(10.0), high: Some(10.0) });
        // Standard deviation √(8·25/7), divided by √8: 1.890; times 1.96.
        let slices = [5.0, 15.0, 5.0, 15.0, 5.0, 15.0, 5.0, 15.0];
        let wide = Rate::new(80.0, 8.0, &slices, 1.0);
        assert!((wide.high.unwrap() - 13.704).abs() < 0.001, "{wide:?}");
        assert_eq!(Rate::new(80.0, 8.0, &slices[..7], 1.0).low, None);
        assert_eq!(Rate::new(0.0, 0.0, &[], 0.0).per_second, 0.0);
    }
}
