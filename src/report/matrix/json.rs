//! The matrix for machines: `imgforge.matrix/1`. Fields may be added; none changes its meaning within a version.

use std::io;
use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Matrix;
use crate::report::json::Item;
use crate::report::json::item;
use crate::report::json::schema_of;

/// The document's version.
pub const SCHEMA: &str = "imgforge.matrix/1";

/// One recipe's files on many bases.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this document: `imgforge.matrix/1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The recipe or image whose files are tried.
    subject: &'a str,
    /// The bases: the columns.
    bases: &'a [String],
    /// The files, by path.
    rows: Vec<Row<'a>>,
    /// The base with the fewest errors, then warnings, then notes.
    best: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    /// Path in the image.
    path: &'a str,
    /// One for each base, in their order.
    cells: Vec<Cell<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Cell<'a> {
    /// The level of the worst finding: `error`, `warning`, `note`, or none.
    worst: Option<String>,
    /// The findings, worst first.
    findings: Vec<Item<'a>>,
}

fn document(matrix: &Matrix) -> Document<'_> {
    let rows =
        matrix.rows.iter().map(|row| Row { path: &row.path, cells: row.cells.iter().map(cell).collect() });
    Document {
        schema: SCHEMA,
        subject: &matrix.subject,
        bases: &matrix.bases,
        rows: rows.collect(),
        best: matrix.best(),
    }
}

fn cell(cell: &super::Cell) -> Cell<'_> {
    let findings = cell.findings.iter().map(|finding| item(finding, None));
    Cell { worst: cell.worst.map(|worst| worst.to_string()), findings: findings.collect() }
}

/// Writes the matrix as one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(matrix))?;
    writeln!(out)
}

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> Value {
    schema_of::<Document<'_>>("imgforge matrix")
}
