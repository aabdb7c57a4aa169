//! Findings for people, in the shape that rustc made familiar. Understandable without colour.

use std::io;
use std::io::Write;

use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::Report;

/// How text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub color: bool,
    /// Whether findings that were in the base before are shown one by one.
    pub show_before: bool,
}

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

/// Writes the findings, worst first, and a last line that counts them.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    for finding in &report.findings {
        let shown = finding.allowed.is_none() && (finding.introduced || style.show_before);
        if shown {
            write_finding(out, finding, style)?;
        }
    }
    writeln!(out, "{}", escape(&last_line(report)))
}

fn write_finding(out: &mut dyn Write, finding: &Finding, style: Style) -> io::Result<()> {
    let label = style.paint(finding.severity);
    writeln!(out, "{label}[{}]: {}", finding.check, escape(&finding.message))?;
    if !finding.path.is_empty() {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(out, "  --> {}{line}", escape(&finding.path))?;
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

/// Names come out of images and registries: control characters must not reach a terminal.
#[must_use]
pub fn escape(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
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
    use crate::finding::RecipeSpot;

    #[test]
    fn a_finding_reads_like_a_compiler_s() {
        let mut finding =
            Finding::new("undefined-symbol", Severity::Error, "/l/a.so", "wants `x\u{1b}[2J`, found nowhere");
        finding.symbol = Some("x".into());
        finding.recipe = Some(RecipeSpot { file: "r.toml".into(), line: 3, column: 9 });
        finding.help = Some("graft it too".into());
        let report = Report::new("r.toml", vec![finding]);
        let mut out = Vec::new();
        write(&mut out, &report, Style { color: false, show_before: false }).unwrap();
        let want = "error[undefined-symbol]: wants `x\u{fffd}[2J`, found nowhere\n  --> /l/a.so\n  = symbol: x\n  \
                    = introduced by: r.toml:3:9\nhint: graft it too\n\nr.toml: 1 error\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
