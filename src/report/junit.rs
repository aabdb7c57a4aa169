//! Findings as test results: JUnit XML as Ant wrote it first and as CI servers read it.
//!
//! A suite for each check, a case for each finding: it fails when the gate refuses it and passes otherwise,
//! with what it says as output; what the recipe allows is skipped. A check that found nothing is one case
//! that passes, so that a suite does not vanish when it is clean.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use crate::finding::Finding;
use crate::report::Report;
use crate::report::escape::attribute;
use crate::report::escape::line;
use crate::report::escape::markup;
use crate::report::kinds;

/// Writes the reports as one document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, reports: &[Report]) -> io::Result<()> {
    let suites: Vec<Suite<'_>> = reports.iter().flat_map(suites).collect();
    let own = suites.iter().map(|suite| [suite.tests(), suite.failures(), suite.skipped()]);
    let [tests, failures, skipped] =
        own.fold([0; 3], |sum, one| [sum[0] + one[0], sum[1] + one[1], sum[2] + one[2]]);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let counts = counts(tests, failures, skipped);
    writeln!(out, "<testsuites name=\"imgforge\" {counts}>")?;
    for suite in &suites {
        suite.write(out)?;
    }
    writeln!(out, "</testsuites>")
}

fn counts(tests: usize, failures: usize, skipped: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\"")
}

/// One check on one subject.
struct Suite<'a> {
    report: &'a Report,
    check: String,
    findings: Vec<&'a Finding>,
}

/// A suite for every check that there is, and for those that only the findings know.
fn suites(report: &Report) -> Vec<Suite<'_>> {
    let mut checks: Vec<String> = kinds::all().iter().map(|kind| kind.id.to_owned()).collect();
    checks.extend(report.findings.iter().map(|finding| finding.check.clone()));
    checks.sort();
    checks.dedup();
    let suite = |check: String| {
        let findings = report.findings.iter().filter(|finding| finding.check == check).collect();
        Suite { report, check, findings }
    };
    checks.into_iter().map(suite).collect()
}

impl Suite<'_> {
    fn tests(&self) -> usize {
        self.findings.len().max(1)
    }

    fn failures(&self) -> usize {
        self.findings.iter().filter(|finding| self.report.background.gate.refuses(finding)).count()
    }

    fn skipped(&self) -> usize {
        self.findings.iter().filter(|finding| finding.allowed.is_some()).count()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let check = attribute(&self.check);
        let counts = counts(self.tests(), self.failures(), self.skipped());
        writeln!(out, "  <testsuite name=\"{check}\" {counts}>")?;
        writeln!(out, "    <properties>")?;
        let subject = attribute(&line(&self.report.subject));
        writeln!(out, "      <property name=\"subject\" value=\"{subject}\"/>")?;
        writeln!(out, "    </properties>")?;
        if self.findings.is_empty() {
            writeln!(
                out,
                "    <testcase classname=\"{check}\" name=\"{subject}: no findings\" time=\"0\"/>"
            )?;
        }
        let mut names = BTreeMap::new();
        for finding in &self.findings {
            let name = unique(name(self.report, finding), &mut names);
            self.case(out, finding, &name)?;
        }
        writeln!(out, "  </testsuite>")
    }

    fn case(&self, out: &mut dyn Write, finding: &Finding, name: &str) -> io::Result<()> {
        let (check, name) = (attribute(&self.check), attribute(name));
        write!(out, "    <testcase classname=\"{check}\" name=\"{name}\"")?;
        if !finding.path.is_empty() {
            write!(out, " file=\"{}\"", attribute(line(&finding.path).trim_start_matches('/')))?;
        }
        writeln!(out, " time=\"0\">")?;
        let (message, text) = (attribute(&line(&finding.message)), markup(&text(finding)));
        if let Some(reason) = &finding.allowed {
            writeln!(out, "      <skipped message=\"{}\"/>", attribute(&line(reason)))?;
        } else if self.report.background.gate.refuses(finding) {
            writeln!(
                out,
                "      <failure type=\"{}\" message=\"{message}\">{text}</failure>",
                finding.severity
            )?;
        } else {
            writeln!(out, "      <system-out>{text}</system-out>")?;
        }
        writeln!(out, "    </testcase>")
    }
}

/// GitLab keeps only the first of cases with one name.
fn unique(name: String, names: &mut BTreeMap<String, usize>) -> String {
    let same = names.entry(name.clone()).or_default();
    *same += 1;
    if *same == 1 { name } else { format!("{name} ({same})") }
}

fn name(report: &Report, finding: &Finding) -> String {
    let place = if finding.path.is_empty() { &report.subject } else { &finding.path };
    let at = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let symbol = finding.symbol.as_deref().map(|symbol| format!(" {symbol}")).unwrap_or_default();
    line(&format!("{place}{at}{symbol}"))
}

fn text(finding: &Finding) -> String {
    let mut text = format!("{}: {}\n", finding.severity, finding.message);
    for (name, value) in finding.evidence.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    if let Some(spot) = finding.recipe.as_ref().filter(|_| finding.introduced) {
        text.push_str(&format!("introduced by: {}:{}:{}\n", spot.file, spot.line, spot.column));
    }
    if !finding.introduced {
        text.push_str("was there before this build\n");
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("hint: {help}\n"));
    }
    text
}
