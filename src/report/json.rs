//! Findings for machines: `imgforge.report/1`. Fields may be added; none changes its meaning within a version.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde::Serialize;

use crate::finding::Finding;
use crate::report::Report;

/// The document's version.
pub const SCHEMA: &str = "imgforge.report/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a str,
    findings: Vec<Item<'a>>,
    counts: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Item<'a> {
    check: &'a str,
    severity: String,
    path: &'a str,
    line: Option<usize>,
    symbol: Option<&'a str>,
    message: &'a str,
    evidence: &'a BTreeMap<String, String>,
    introduced: bool,
    recipe: Option<Spot<'a>>,
    help: Option<&'a str>,
    allowed: Option<&'a str>,
}

#[derive(Serialize)]
struct Spot<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

fn item(finding: &Finding) -> Item<'_> {
    let recipe = finding.recipe.as_ref();
    Item {
        check: &finding.check,
        severity: finding.severity.to_string(),
        path: &finding.path,
        line: finding.line,
        symbol: finding.symbol.as_deref(),
        message: &finding.message,
        evidence: &finding.evidence,
        introduced: finding.introduced,
        recipe: recipe.map(|spot| Spot { file: &spot.file, line: spot.line, column: spot.column }),
        help: finding.help.as_deref(),
        allowed: finding.allowed.as_deref(),
    }
}

/// The report as a JSON value.
///
/// # Errors
/// Never in practice: the document has only texts, numbers and truth values.
pub fn value(report: &Report) -> serde_json::Result<serde_json::Value> {
    let counts = report.counts();
    serde_json::to_value(Document {
        schema: SCHEMA,
        subject: &report.subject,
        findings: report.findings.iter().map(item).collect(),
        counts: BTreeMap::from([
            ("error", counts.errors),
            ("warning", counts.warnings),
            ("note", counts.notes),
            ("before", counts.before),
            ("allowed", counts.allowed),
        ]),
    })
}

/// Writes the report as one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let value = value(report).map_err(io::Error::other)?;
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}
