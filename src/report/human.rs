//! Findings for people, in the shape that rustc made familiar. Understandable without colour.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use crate::finding::Severity;
use crate::report::Report;
use crate::report::escape::visible;
use crate::report::fold::Fold;
use crate::report::fold::fold;

/// How text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub color: bool,
    /// Whether findings that were in the base before are shown one by one.
    pub show_before: bool,
    /// Most findings of one check and level that are shown one by one; `None` shows all.
    pub most: Option<usize>,
}

/// As many of one kind as a person reads.
pub const MOST: usize = 10;

impl Style {
    /// The label of a severity, coloured when that is wanted.
    fn paint(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        if self.color { format!("\x1b[{code}m{severity}\x1b[0m") } else { severity.to_string() }
    }
}

/// Writes the findings, worst first, those about identical copies of a file as one, and a last line that counts
/// them all.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let folds = fold(report);
    let shown =
        |fold: &&Fold<'_>| fold.finding.allowed.is_none() && (fold.finding.introduced || style.show_before);
    let mut kinds: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for fold in folds.iter().filter(shown) {
        let count = kinds.entry((fold.finding.severity, &fold.finding.check)).or_default();
        *count += 1;
        if style.most.is_none_or(|most| *count <= most) {
            write_finding(out, fold, style)?;
        }
    }
    let most = style.most.unwrap_or(usize::MAX);
    let mut cut = false;
    for ((severity, check), count) in kinds.into_iter().filter(|(_, count)| *count > most) {
        writeln!(out, "{}[{check}]: {} more like these", style.paint(severity), count - most)?;
        cut = true;
    }
    if cut {
        writeln!(
            out,
            "hint: all of them: `--report human=FILE`, or `--report html=FILE` to look for some\n"
        )?;
    }
    writeln!(out, "{}", escape(&last_line(report)))
}

fn write_finding(out: &mut dyn Write, fold: &Fold<'_>, style: Style) -> io::Result<()> {
    let finding = fold.finding;
    let label = style.paint(finding.severity);
    writeln!(out, "{label}[{}]: {}", finding.check, escape(&finding.message))?;
    if !finding.path.is_empty() {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(out, "  --> {}{line}", escape(&finding.path))?;
    }
    match fold.copies.as_slice() {
        [] => {}
        [one] => writeln!(out, "  = and 1 identical copy: {}", escape(one))?,
        [first, rest @ ..] => {
            writeln!(
                out,
                "  = and {} identical copies: {} and {} more",
                rest.len() + 1,
                escape(first),
                rest.len()
            )?;
        }
    }
    if let Some(symbol) = &finding.symbol {
        writeln!(out, "  = symbol: {}", escape(symbol))?;
    }
    for (name, value) in finding.evidence.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "  = {name}: {}", escape(value))?;
    }
    match (&finding.recipe, finding.introduced) {
        (_, false) => writeln!(out, "  = was in the base before this build")?,
        (Some(spot), true) => {
            writeln!(out, "  = introduced by: {}:{}:{}", escape(&spot.file), spot.line, spot.column)?;
        }
        (None, true) => {}
    }
    if let Some(help) = &finding.help {
        writeln!(out, "hint: {}", escape(help))?;
    }
    writeln!(out)
}

/// Names come out of images and registries: what steers a terminal, or hides text on it, must not reach it.
#[must_use]
pub fn escape(text: &str) -> String {
    visible(text)
}

/// The verdict in one line.
#[must_use]
pub fn last_line(report: &Report) -> String {
    let counts = report.counts();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    for (n, word) in [(counts.errors, "error"), (counts.warnings, "warning"), (counts.notes, "note")] {
        if n > 0 {
            parts.push(plural(n, word));
        }
    }
    if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    let mut line = format!("{}: {}", report.subject, parts.join(", "));
    if counts.before > 0 {
        line.push_str(&format!("; {} in the base before", counts.before));
    }
    if counts.allowed > 0 {
        line.push_str(&format!("; {} allowed by the recipe", counts.allowed));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::finding::RecipeSpot;
    use crate::report::background::FileIdentity;

    #[test]
    fn a_finding_reads_like_a_compiler_s() {
        let mut finding =
            Finding::new("undefined-symbol", Severity::Error, "/l/a.so", "wants `x\u{1b}[2J`, found nowhere");
        finding.symbol = Some("x".into());
        finding.recipe = Some(RecipeSpot { file: "r.toml".into(), line: 3, column: 9 });
        finding.help = Some("graft it too".into());
        let report = Report::new("r.toml", vec![finding]);
        let mut out = Vec::new();
        write(&mut out, &report, Style { color: false, show_before: false, most: None }).unwrap();
        let want = "error[undefined-symbol]: wants `x\\u{1b}[2J`, found nowhere\n  --> /l/a.so\n  = symbol: x\n  \
                    = introduced by: r.toml:3:9\nhint: graft it too\n\nr.toml: 1 error\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn copies_are_told_together_and_many_of_a_kind_are_cut() {
        let mut findings: Vec<Finding> =
            (1..=3).map(|n| Finding::new("copies", Severity::Note, format!("/n{n}"), "is old")).collect();
        findings.extend(["/a", "/b", "/c"].map(|path| Finding::new("x", Severity::Error, path, "broke")));
        let mut report = Report::new("dir:x", findings);
        for path in ["/a", "/b", "/c"] {
            let file = FileIdentity { digest: "sha256:1".into(), size: 1, build_id: None, soname: None };
            report.background.files.insert(path.into(), file);
        }
        let mut out = Vec::new();
        write(&mut out, &report, Style { color: false, show_before: false, most: Some(1) }).unwrap();
        let want = "error[x]: broke\n  --> /a\n  = and 2 identical copies: /b and 1 more\n\n\
                    note[copies]: is old\n  --> /n1\n\nnote[copies]: 2 more like these\n\
                    hint: all of them: `--report human=FILE`, or `--report html=FILE` to look for some\n\n\
                    dir:x: 3 errors, 3 notes\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
