//! A run over time, in a fixed number of slices however long it lasts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// The most slices; when they are used up, two become one.
const MOST: usize = 120;
/// How long a slice is at first.
const FIRST: Duration = Duration::from_millis(100);

/// What ended in one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// Good answers.
    pub ok: u64,
    /// Failures.
    pub failed: u64,
    /// Tokens of good answers, where the server counted them.
    pub output_tokens: u64,
}

/// The slices.
#[derive(Debug, Clone)]
pub(super) struct Slices {
    pub(super) width: Duration,
    pub(super) all: Vec<Slice>,
}

impl Default for Slices {
    fn default() -> Self {
        Self { width: FIRST, all: Vec::new() }
    }
}

impl Slices {
    /// The slice of a time since the run's begin.
    pub(super) fn at(&mut self, time: Duration) -> &mut Slice {
        let mut index = self.index(time);
        while index >= MOST {
            let merged = self.all.chunks(2).map(|pair| {
                let (a, b) = (pair[0], pair.get(1).copied().unwrap_or_default());
                Slice {
                    ok: a.ok + b.ok,
                    failed: a.failed + b.failed,
                    output_tokens: a.output_tokens + b.output_tokens,
                }
            });
            self.all = merged.collect();
            self.width *= 2;
            index = self.index(time);
        }
        if self.all.len() <= index {
            self.all.resize(index + 1, Slice::default());
        }
        &mut self.all[index]
    }

    fn index(&self, time: Duration) -> usize {
        usize::try_from(time.as_nanos() / self.width.as_nanos()).unwrap_or(usize::MAX)
    }

    /// The slices that were over when the run ended, of one field.
    pub(super) fn full(&self, window: Duration, field: impl Fn(&Slice) -> u64) -> Vec<f64> {
        let full = self.index(window).min(MOST);
        (0..full).map(|index| self.all.get(index).map_or(0, &field) as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_no_more_slices_and_loses_nothing() {
        let mut slices = Slices::default();
        for second in 0..10_000 {
            slices.at(Duration::from_secs(second)).ok += 1;
            assert!(slices.all.len() <= MOST);
        }
        assert_eq!(slices.all.iter().map(|slice| slice.ok).sum::<u64>(), 10_000);
        let full = slices.full(Duration::from_secs(10_000), |slice| slice.ok);
        let width = slices.width.as_secs_f64();
        assert!(full.iter().all(|ok| (ok - width).abs() <= 1.0), "{width} {full:?}");
    }

    #[test]
    fn quiet_slices_count_and_the_last_one_does_not() {
        let mut slices = Slices::default();
        slices.at(Duration::from_millis(50)).ok = 2;
        slices.at(Duration::from_millis(350)).ok = 1;
        assert_eq!(slices.full(Duration::from_millis(350), |slice| slice.ok), [2.0, 0.0, 0.0]);
    }
}
