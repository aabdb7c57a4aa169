//! One donor against many bases: which of its libraries finds what in which base.
//!
//! A value and its views. Knows nothing of how the cells were found out.

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
