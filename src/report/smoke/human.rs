//! A smoke test as a table: a line a step, and under a failed one what to look at next.

use std::io;
use std::io::Write;

use crate::endpoint::smoke::Smoke;
use crate::endpoint::smoke::Verdict;
use crate::report::escape::line;

/// Writes the table.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, smoke: &Smoke, color: bool) -> io::Result<()> {
    let paint = |code: &str, word: &str| match color {
        true => format!("\x1b[{code}m{word:<7}\x1b[0m"),
        false => format!("{word:<7}"),
    };
    let model = smoke.model.as_deref().map(|model| format!(", model `{}`", line(model))).unwrap_or_default();
    writeln!(out, "{}{model}", line(&smoke.url))?;
    for step in &smoke.steps {
        let took = step.took.as_secs_f64() * 1e3;
        let (word, said) = match &step.verdict {
            Verdict::Passed(said) => (paint("32", "ok"), said.clone()),
            Verdict::Skipped(reason) => {
                let word = paint("2", "skipped");
                writeln!(out, "{word} {:<17} {:>9}  {}", step.name, "", line(reason))?;
                continue;
            }
            Verdict::Failed(failure) => (paint("1;31", "failed"), format!("{}: {failure}", failure.kind)),
        };
        writeln!(out, "{word} {:<17} {took:>6.0} ms  {}", step.name, line(&said))?;
        if let Verdict::Failed(failure) = &step.verdict {
            writeln!(out, "        {}", line(&step.request))?;
            writeln!(out, "        hint: {}", failure.kind.advice())?;
        }
    }
    Ok(())
}
