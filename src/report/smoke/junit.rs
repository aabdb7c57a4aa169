//! A smoke test as JUnit XML: one suite, a case a step.

use std::io;
use std::io::Write;

use crate::endpoint::smoke::Smoke;
use crate::endpoint::smoke::Verdict;
use crate::report::escape::attribute;
use crate::report::escape::line;
use crate::report::escape::markup;

/// Writes the document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, smoke: &Smoke) -> io::Result<()> {
    let tests = smoke.steps.len();
    let failures = smoke.failures().count();
    let skipped = smoke.steps.iter().filter(|step| matches!(step.verdict, Verdict::Skipped(_))).count();
    let time: f64 = smoke.steps.iter().map(|step| step.took.as_secs_f64()).sum();
    let counts = format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{time:.3}\""
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"imgforge smoke\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"smoke\" {counts}>")?;
    writeln!(out, "    <properties>")?;
    let url = attribute(&line(&smoke.url));
    writeln!(out, "      <property name=\"url\" value=\"{url}\"/>")?;
    writeln!(out, "    </properties>")?;
    for step in &smoke.steps {
        let (name, time) = (attribute(step.name), step.took.as_secs_f64());
        writeln!(out, "    <testcase classname=\"smoke\" name=\"{name}\" time=\"{time:.3}\">")?;
        match &step.verdict {
            Verdict::Passed(said) => writeln!(out, "      <system-out>{}</system-out>", markup(said))?,
            Verdict::Skipped(reason) => {
                writeln!(out, "      <skipped message=\"{}\"/>", attribute(reason))?;
            }
            Verdict::Failed(failure) => writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{}\nhint: {}</failure>",
                failure.kind,
                attribute(&failure.to_string()),
                markup(&step.request),
                markup(failure.kind.advice())
            )?,
        }
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}
