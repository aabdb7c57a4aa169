//! Findings for code hosts: SARIF 2.1.0, within what GitHub's code scanning takes.
//!
//! A result lies in the file of the image; the recipe line that brought it is related to it. Binary files
//! have no lines, so only findings in text have a region.

mod model;
mod rules;

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::Value;

use crate::finding::Finding;
use crate::report::Report;
use crate::report::escape;
use crate::report::fingerprint;
use model::Artifact;
use model::Automation;
use model::Driver;
use model::Found;
use model::Invocation;
use model::Location;
use model::Log;
use model::Logical;
use model::Notification;
use model::Physical;
use model::Region;
use model::Run;
use model::Suppression;
use model::Text;
use model::Tool;
use rules::level;
use rules::rules;
use rules::sentence;

/// Most results of one run that GitHub reads; with more it refuses the file.
pub const MOST_RESULTS: usize = 25_000;
/// Longest value of evidence: the file must stay below GitHub's 10 MB, compressed.
const MOST_EVIDENCE: usize = 1000;

/// Writes the reports as one document, a run for each.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, reports: &[Report]) -> io::Result<()> {
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: reports.iter().map(run).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn run(report: &Report) -> Run<'_> {
    let told = &report.findings[..report.findings.len().min(MOST_RESULTS)];
    let rules = rules(told);
    let numbers = rules.iter().enumerate().map(|(number, rule)| (rule.id.clone(), number));
    let numbers: BTreeMap<String, usize> = numbers.collect();
    let prints = fingerprint::all(told);
    let results = told.iter().zip(prints).map(|(finding, print)| {
        let number = numbers.get(&finding.check).copied().unwrap_or_default();
        result(report, finding, number, print)
    });
    let left_out = report.findings.len() - told.len();
    let notification = (left_out > 0).then(|| Notification {
        level: "warning",
        message: Text { text: format!("{left_out} more findings, none of them worse, are left out.") },
    });
    let command = Some(report.background.command_line()).filter(|line| !line.is_empty());
    Run {
        automation_details: Automation { id: format!("imgforge/{}/", report.subject) },
        invocations: vec![Invocation {
            execution_successful: true,
            command_line: command,
            tool_execution_notifications: notification.into_iter().collect(),
        }],
        column_kind: "unicodeCodePoints",
        results: results.collect(),
        tool: Tool {
            driver: Driver {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules,
            },
        },
    }
}

fn result<'a>(report: &Report, finding: &'a Finding, number: usize, print: String) -> Found<'a> {
    let evidence = finding.evidence.iter();
    let evidence =
        evidence.map(|(name, value)| (name.as_str(), Value::from(escape::cut(value, MOST_EVIDENCE))));
    let suppressed = finding.allowed.as_deref();
    Found {
        rule_id: &finding.check,
        rule_index: number,
        level: level(finding.severity),
        message: Text { text: message(finding) },
        locations: [place(report, finding)],
        related_locations: brought_by(finding).into_iter().collect(),
        // GitHub knows only the first of these names.
        partial_fingerprints: BTreeMap::from([
            ("primaryLocationLineHash", format!("{print}:1")),
            ("imgforgeFinding/v1", print),
        ]),
        baseline_state: if finding.introduced { "new" } else { "unchanged" },
        suppressions: suppressed
            .map(|reason| Suppression { kind: "external", status: "accepted", justification: reason })
            .into_iter()
            .collect(),
        properties: evidence.collect(),
    }
}

/// The sentence, and what to do. The path is part of it: a code host may not show where a result lies.
fn message(finding: &Finding) -> String {
    let name = finding.path.rsplit('/').next().filter(|name| !name.is_empty());
    let said = match name {
        Some(name) => format!("`{name}` {}", finding.message),
        None => finding.message.clone(),
    };
    // Links are written with brackets (§ 3.11.6): a name must not make one.
    let said = escape::line(&sentence(&said)).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    match &finding.help {
        Some(help) => {
            format!("{said} {}", sentence(&escape::line(help)).replace('[', "\\[").replace(']', "\\]"))
        }
        None => said,
    }
}

fn place(report: &Report, finding: &Finding) -> Location {
    let symbol = finding.symbol.as_deref().map(|symbol| Logical {
        name: symbol.to_owned(),
        fully_qualified_name: format!("{}#{symbol}", finding.path),
        kind: kind(symbol),
    });
    // A finding about the whole image lies in what the user named.
    let whole = escape::uri(&report.subject).replace('/', "%2F");
    let uri = if finding.path.is_empty() { whole } else { escape::uri(&finding.path) };
    Location {
        id: None,
        physical_location: Physical {
            artifact_location: Artifact { uri },
            region: finding.line.map(|line| Region { start_line: line.max(1), start_column: None }),
        },
        logical_locations: symbol.into_iter().collect(),
        message: None,
    }
}

/// § 3.33.7: libraries are modules, anything else that has a name is called a function.
fn kind(symbol: &str) -> &'static str {
    if symbol.contains(".so") { "module" } else { "function" }
}

fn brought_by(finding: &Finding) -> Option<Location> {
    let spot = finding.recipe.as_ref()?;
    let region = (spot.line > 0).then(|| Region {
        start_line: spot.line,
        start_column: Some(spot.column).filter(|column| *column > 0),
    });
    Some(Location {
        id: Some(1),
        physical_location: Physical { artifact_location: Artifact { uri: escape::uri(&spot.file) }, region },
        logical_locations: Vec::new(),
        message: Some(Text { text: "This line of the recipe brings it.".to_owned() }),
    })
}
