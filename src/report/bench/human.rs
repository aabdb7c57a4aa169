//! A benchmark as a table.

use std::io;
use std::io::Write;

use super::caveats;
use super::load;
use super::ms;
use super::spreads;
use crate::endpoint::bench::Summary;
use crate::report::escape::line;

/// Writes the table.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, run: &Summary) -> io::Result<()> {
    writeln!(out, "server    {}, model `{}`, {}", line(&run.url), line(&run.load.model), run.load.route)?;
    writeln!(out, "load      {}", line(&load(&run.load)))?;
    let (ok, failed) = (run.requests.ok, run.requests.failed);
    let rate = run.requests.rate.per_second;
    writeln!(out, "answers   {ok} good, {failed} failed in {:.2} s: {rate:.2} good ones/s", run.seconds)?;
    let tokens = &run.tokens;
    match (tokens.output_rate, tokens.total_rate) {
        (Some(output), Some(total)) => writeln!(
            out,
            "tokens    {} in, {} out by the server's count: {:.1} out/s, {:.1} in and out/s",
            tokens.prompt, tokens.output, output.per_second, total.per_second
        )?,
        _ => writeln!(out, "tokens    not counted by the server")?,
    }
    if let Some(good) = &run.goodput {
        writeln!(
            out,
            "goodput   {} within the objectives ({:.1} %): {:.2}/s",
            good.ok,
            good.share * 100.0,
            good.per_second
        )?;
    }
    writeln!(out)?;
    write!(out, "{:<22}", "milliseconds")?;
    for head in ["p50", "p90", "p95", "p99", "max", "mean"] {
        write!(out, "{head:>9}")?;
    }
    writeln!(out)?;
    for (name, spread) in spreads(run) {
        write!(out, "{name:<22}")?;
        for q in [0.5, 0.9, 0.95, 0.99] {
            write!(out, "{:>9}", spread.quantile(q).map(|at| ms(at.ms)).unwrap_or_default())?;
        }
        writeln!(out, "{:>9}{:>9}", ms(spread.max_ms), ms(spread.mean_ms))?;
    }
    if !run.errors.is_empty() {
        writeln!(out)?;
    }
    for trouble in &run.errors {
        writeln!(out, "failed    {} × {}: {}", trouble.count, line(&trouble.kind), line(&trouble.example))?;
    }
    for caveat in caveats(run) {
        writeln!(out, "note      {caveat}")?;
    }
    Ok(())
}
