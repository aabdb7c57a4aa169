//! Findings for a comment on a pull request: a table of what is new, and the facts behind a fold each.

pub mod text;

use std::io;
use std::io::Write;

use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::Report;
use crate::report::escape;
use crate::report::fold::Fold;
use crate::report::fold::fold;
use crate::report::human::last_line;
use text::code;
use text::html_code;
use text::plain;
use text::sentence;

/// Longest comment that GitHub takes is 65,536 characters; bytes are never fewer than characters.
pub const MOST: usize = 65_000;
/// Kept free for what is said of the rest.
const RESERVE: usize = 700;
/// Most rows of the table.
const ROWS: usize = 40;
/// Longest value that is shown whole.
const VALUE: usize = 1200;

/// Writes the reports as one comment.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, reports: &[Report]) -> io::Result<()> {
    let each = MOST / reports.len().max(1);
    // Raw HTML goes on until an empty line.
    let comments = reports.iter().map(|report| format!("{}\n", comment(report, each)));
    let mut text = String::new();
    let left = within(&mut text, comments, MOST);
    if left > 0 {
        text.push_str(&format!(
            "\n**{left} more subjects are left out, as a comment has no room for them.**\n"
        ));
    }
    out.write_all(text.trim_end().as_bytes())?;
    writeln!(out)
}

/// One report in at most `most` bytes, as long as that is some kilobytes.
fn comment(report: &Report, most: usize) -> String {
    let folds = fold(report);
    let (new, rest): (Vec<&Fold<'_>>, Vec<&Fold<'_>>) =
        folds.iter().partition(|fold| fold.finding.introduced && fold.finding.allowed.is_none());
    let mut out = format!("### imgforge: {}\n", plain(&escape::cut(&last_line(report), 600)));
    images(&mut out, report);
    if !new.is_empty() {
        out.push_str("\n| | Check | Where | What |\n|---|---|---|---|\n");
        let rows = new.iter().take(ROWS).map(|fold| row(fold));
        let mut left = within(&mut out, rows, most / 2) + new.len().saturating_sub(ROWS);
        if left > 0 {
            out.push_str(&format!("\n{left} more are not in this table.\n"));
        }
        let details = new.iter().map(|fold| details(fold));
        out.push('\n');
        left = within(&mut out, details, most.saturating_sub(RESERVE));
        told(&mut out, report, left);
    }
    let rest: Vec<String> = rest.iter().map(|fold| old(fold.finding)).collect();
    if !rest.is_empty() && out.len() + RESERVE < most {
        out.push_str(&format!(
            "\n<details><summary>{} that were there before or are allowed</summary>\n\n",
            rest.len()
        ));
        let left = within(&mut out, rest.into_iter(), most.saturating_sub(RESERVE));
        told(&mut out, report, left);
        out.push_str("\n</details>\n");
    }
    out
}

/// Adds parts while there is room, and counts those that had none.
fn within(out: &mut String, parts: impl Iterator<Item = String>, most: usize) -> usize {
    let mut left = 0;
    for part in parts {
        if left == 0 && out.len() + part.len() <= most {
            out.push_str(&part);
        } else {
            left += 1;
        }
    }
    left
}

fn told(out: &mut String, report: &Report, left: usize) {
    if left > 0 {
        let command = escape::cut(&report.background.command_line(), 300);
        let again = if command.is_empty() { String::new() } else { format!(": {}", code(&command)) };
        out.push_str(&format!(
            "\n**{left} more are left out, as a comment has no room for them.** `--report html=FILE` has all{again}\n"
        ));
    }
}

fn images(out: &mut String, report: &Report) {
    for image in &report.background.images {
        let digest = image.digest.as_deref().map(|digest| format!(" {}", code(digest))).unwrap_or_default();
        let (role, reference) = (plain(&image.role), code(&escape::cut(&image.reference, 300)));
        out.push_str(&format!("\n{role}: {reference}{digest} {}\n", plain(&image.platform)));
    }
}

/// The sign is for those who do not see colours either.
const fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "❌ error",
        Severity::Warning => "⚠️ warning",
        Severity::Note => "ℹ️ note",
    }
}

fn place(finding: &Finding) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    if finding.path.is_empty() { String::new() } else { format!("{}{line}", finding.path) }
}

fn row(fold: &Fold<'_>) -> String {
    let finding = fold.finding;
    let copies = match fold.copies.len() {
        0 => String::new(),
        1 => " and 1 identical copy".to_owned(),
        n => format!(" and {n} identical copies"),
    };
    let (check, what) = (code(&finding.check), sentence(&escape::cut(&finding.message, 300)));
    format!("| {} | {check} | {}{copies} | {what} |\n", sign(finding.severity), code(&place(finding)))
}

/// Everything there is to one finding.
fn details(fold: &Fold<'_>) -> String {
    let finding = fold.finding;
    let mut out = format!(
        "<details><summary>{} {} {}</summary>\n\n{}\n\n",
        sign(finding.severity),
        html_code(&finding.check),
        html_code(&place(finding)),
        sentence(&finding.message)
    );
    let mut fact = |name: &str, value: &str| {
        out.push_str(&format!("- {}: {}\n", plain(name), code(&escape::cut(value, VALUE))));
    };
    if let Some(symbol) = &finding.symbol {
        fact("symbol", symbol);
    }
    for (name, value) in finding.evidence.iter().filter(|(_, value)| !value.is_empty()) {
        fact(&name.replace('_', " "), value);
    }
    if !fold.copies.is_empty() {
        fact("identical copies", &fold.copies.join(", "));
    }
    if let Some(spot) = &finding.recipe {
        fact("introduced by", &format!("{}:{}:{}", spot.file, spot.line, spot.column));
    }
    if let Some(help) = &finding.help {
        out.push_str(&format!("\n**Hint:** {}\n", sentence(help)));
    }
    out.push_str("\n</details>\n");
    out
}

fn old(finding: &Finding) -> String {
    let why = match &finding.allowed {
        Some(reason) => format!("allowed: {}", plain(&escape::cut(reason, VALUE))),
        None => "was there before".to_owned(),
    };
    let (check, place) = (code(&finding.check), code(&escape::cut(&place(finding), 300)));
    let what = sentence(&escape::cut(&finding.message, 300));
    format!("- {} {check} {place}: {what} ({why})\n", sign(finding.severity))
}
