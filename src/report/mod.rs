//! Views of results: functions from a value to text. They decide nothing and print nothing themselves.

pub mod abi;
pub mod anatomy;
pub mod background;
pub mod bench;
pub mod cache;
pub mod closure;
pub mod costs;
pub mod diff;
pub mod escape;
pub mod example;
pub mod fingerprint;
pub mod fold;
pub mod html;
pub mod human;
pub mod issue;
pub mod json;
pub mod junit;
pub mod kinds;
pub mod listing;
pub mod markdown;
pub mod matrix;
pub mod plan;
pub mod sarif;
pub mod scene;
pub mod smoke;
pub mod summary;

pub use anatomy::Anatomy;
pub use background::Background;
pub use costs::Costs;
pub use costs::Stage;

use crate::finding::Finding;
use crate::finding::Severity;

/// What an audit or a build has to say about one subject.
#[derive(Debug, Clone)]
pub struct Report {
    /// The image or recipe it is about.
    pub subject: String,
    /// Everything that was found, worst first.
    pub findings: Vec<Finding>,
    /// Which bytes it is about, and how to see it again.
    pub background: Background,
    /// What the subject is made of, when someone looked.
    pub anatomy: Option<Anatomy>,
}

/// How many findings there are of each kind. Those that the recipe allows count only as allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Errors that this build introduces.
    pub errors: usize,
    /// Warnings that this build introduces.
    pub warnings: usize,
    /// Notes that this build introduces.
    pub notes: usize,
    /// Findings of any level that the base had before.
    pub before: usize,
    /// Findings that the recipe allows.
    pub allowed: usize,
}

impl Report {
    /// Makes a report; the findings are put in order.
    #[must_use]
    pub fn new(subject: impl Into<String>, mut findings: Vec<Finding>) -> Self {
        findings.sort();
        Self { subject: subject.into(), findings, background: Background::default(), anatomy: None }
    }

    /// Counts the findings.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            let slot = match (finding.allowed.is_some(), finding.introduced, finding.severity) {
                (true, ..) => &mut counts.allowed,
                (_, false, _) => &mut counts.before,
                (_, _, Severity::Error) => &mut counts.errors,
                (_, _, Severity::Warning) => &mut counts.warnings,
                (_, _, Severity::Note) => &mut counts.notes,
            };
            *slot += 1;
        }
        counts
    }
}

/// A length in bytes for people: powers of 1000, three digits.
#[must_use]
pub fn bytes(length: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = length as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{length} B"),
        (_, value) if value < 9.995 => format!("{value:.2} {}", UNITS[unit]),
        (_, value) if value < 99.95 => format!("{value:.1} {}", UNITS[unit]),
        (_, value) => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_three_digits() {
        for (length, want) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (20_000_000_000, "20.0 GB"),
        ] {
            assert_eq!(bytes(length), want);
        }
    }

    #[test]
    fn what_was_there_or_is_allowed_does_not_count_against_the_build() {
        let finding = |severity| Finding::new("x", severity, "/p", "m");
        let mut before = finding(Severity::Error);
        before.introduced = false;
        let mut allowed = finding(Severity::Error);
        allowed.allowed = Some("known".into());
        let all = vec![finding(Severity::Note), before, allowed, finding(Severity::Error)];
        let counts = Report::new("s", all).counts();
        assert_eq!(counts, Counts { errors: 1, warnings: 0, notes: 1, before: 1, allowed: 1 });
    }
}
