//! One donor against many bases: which of its libraries finds what in which base.
//!
//! A value and its views. Knows nothing of how the cells were found out.

pub mod html;
pub mod human;
pub mod json;
pub mod markdown;

use crate::finding::Finding;
use crate::finding::Severity;

/// Rows of libraries, columns of bases, and in each cell what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The recipe or image whose files are tried.
    pub subject: String,
    /// The bases they are tried on, as the user named them: the columns.
    pub bases: Vec<String>,
    /// The files, sorted by path.
    pub rows: Vec<Row>,
}

/// One library or file on every base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Path in the image that would be built.
    pub path: String,
    /// One for each base, in the order of [`Matrix::bases`].
    pub cells: Vec<Cell>,
}

/// What one base does to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The worst of the findings; `None` when there is none.
    pub worst: Option<Severity>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
}

impl Cell {
    /// Makes a cell; the findings are put in order.
    #[must_use]
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort();
        Self { worst: findings.first().map(|finding| finding.severity), findings }
    }
}

/// How often a base has a worst cell of each level: errors, warnings, notes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Matrix {
    /// The tally of each column.
    fn tallies(&self) -> Vec<Tally> {
        let column = |base: usize| {
            let mut tally = Tally::default();
            for worst in self.rows.iter().filter_map(|row| row.cells.get(base)?.worst) {
                match worst {
                    Severity::Error => tally.errors += 1,
                    Severity::Warning => tally.warnings += 1,
                    Severity::Note => tally.notes += 1,
                }
            }
            tally
        };
        (0..self.bases.len()).map(column).collect()
    }

    /// The first base that has the fewest errors, then the fewest warnings, then the fewest notes.
    fn best(&self) -> Option<&str> {
        let tallies = self.tallies();
        let rank = |base: &usize| tallies.get(*base).map(|one| (one.errors, one.warnings, one.notes, *base));
        let best = (0..self.bases.len()).min_by_key(rank)?;
        self.bases.get(best).map(String::as_str)
    }
}

/// What a cell says in one word: a sign that needs no colour, and how many findings there are.
fn mark(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else {
        return "?".to_owned();
    };
    let Some(word) = cell.worst else {
        return "ok".to_owned();
    };
    format!("{word} {}", cell.findings.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_base_is_the_one_with_the_fewest_errors() {
        let cell = |severities: &[Severity]| {
            Cell::new(severities.iter().map(|severity| Finding::new("c", *severity, "/p", "m")).collect())
        };
        let (error, warning, none) =
            (cell(&[Severity::Note, Severity::Error]), cell(&[Severity::Warning]), cell(&[]));
        assert_eq!(error.worst, Some(Severity::Error));
        let matrix = Matrix {
            subject: "r.toml".into(),
            bases: ["a", "b", "c"].map(str::to_owned).to_vec(),
            rows: vec![
                Row { path: "/x".into(), cells: vec![error.clone(), warning.clone(), warning] },
                Row { path: "/y".into(), cells: vec![none.clone(), error, none] },
            ],
        };
        assert_eq!(matrix.best(), Some("c"));
        assert_eq!(matrix.tallies()[1], Tally { errors: 1, warnings: 1, notes: 0 });
        assert_eq!(mark(matrix.rows[0].cells.first()), "error 2");
        assert_eq!(mark(None), "?");
    }
}
