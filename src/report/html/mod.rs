//! One page that holds everything: no other file, no network, no script needed to read it.
//!
//! The policy in its head lets nothing run but the one script and the one style that are in it, by their
//! digests, so that a name that got through unescaped could still do nothing.

pub(super) mod findings;
mod graph;
mod layout;
mod page;
mod squares;
mod treemap;

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

pub(super) use page::page;
pub(super) use page::page_about;

use crate::finding::Severity;
use crate::report::Report;
use crate::report::escape::line;
use crate::report::escape::markup;
use crate::report::fold::Fold;
use crate::report::fold::fold;

/// Writes the reports as one page, one after the other.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, reports: &[Report]) -> io::Result<()> {
    let title = reports.iter().map(|report| report.subject.as_str()).collect::<Vec<_>>().join(", ");
    let body: String = reports.iter().zip(1..).map(|(report, number)| section(report, number)).collect();
    out.write_all(page(&title, &body).as_bytes())
}

/// `number` tells the reports of a page apart, from 1.
fn section(report: &Report, number: usize) -> String {
    let folds = fold(report);
    let mut body = summary(report, &folds);
    if let Some(anatomy) = report.anatomy.as_ref().filter(|anatomy| !anatomy.graph.nodes.is_empty()) {
        body.push_str(&graph::figure(&anatomy.graph, &anchors(&folds, number), number));
    }
    body.push_str(&findings::table(&folds, number));
    if let Some(anatomy) = report.anatomy.as_ref().filter(|anatomy| !anatomy.layers.is_empty()) {
        body.push_str(&treemap::figure(&anatomy.layers));
    }
    body
}

/// For each file the first row about it.
fn anchors<'a>(folds: &[Fold<'a>], report: usize) -> BTreeMap<&'a str, String> {
    let mut anchors = BTreeMap::new();
    for (number, fold) in folds.iter().enumerate().take(findings::ROWS) {
        for path in fold.copies.iter().copied().chain([fold.finding.path.as_str()]) {
            anchors.entry(path).or_insert_with(|| findings::anchor(report, number));
        }
    }
    anchors
}

fn summary(report: &Report, folds: &[Fold<'_>]) -> String {
    let counts = report.counts();
    let refused = report.findings.iter().filter(|finding| report.background.gate.refuses(finding)).count();
    let verdict = match refused {
        0 => "<span class=\"badge none\">passes</span>".to_owned(),
        n => format!("<span class=\"badge error\">refused</span> {n} at or over the gate"),
    };
    let mut out = format!("<section aria-label=\"Summary\"><h1>{}</h1>\n", markup(&line(&report.subject)));
    out.push_str(&format!("<p>{verdict}</p>\n<ul class=\"cards\">\n"));
    let severities = [Severity::Error, Severity::Warning, Severity::Note].iter();
    for (severity, count) in severities.zip([counts.errors, counts.warnings, counts.notes]) {
        let plural = if count == 1 { "" } else { "s" };
        out.push_str(&format!("<li class=\"{severity}\"><b>{count}</b> {severity}{plural}</li>\n"));
    }
    let copies: usize = folds.iter().map(|fold| fold.copies.len()).sum();
    for (count, word) in
        [(counts.before, "there before"), (counts.allowed, "allowed"), (copies, "on identical copies")]
    {
        if count > 0 {
            out.push_str(&format!("<li><b>{count}</b> {word}</li>\n"));
        }
    }
    out.push_str("</ul>\n");
    if !report.background.images.is_empty() || !report.background.command.is_empty() {
        out.push_str("<dl>");
        for image in &report.background.images {
            let digest =
                image.digest.as_deref().map(|digest| format!("\n{}", markup(digest))).unwrap_or_default();
            let (role, reference) = (markup(&line(&image.role)), markup(&line(&image.reference)));
            let platform = markup(&line(&image.platform));
            out.push_str(&format!("<dt>{role}</dt><dd><code>{reference}{digest}</code> {platform}</dd>\n"));
        }
        if !report.background.command.is_empty() {
            let command = markup(&line(&report.background.command_line()));
            out.push_str(&format!("<dt>command</dt><dd><code>{command}</code></dd>\n"));
        }
        out.push_str("</dl>\n");
    }
    out.push_str("</section>\n");
    out
}
