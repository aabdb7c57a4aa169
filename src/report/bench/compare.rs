//! Two benchmarks side by side.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::endpoint::bench::compare::Comparison;
use crate::endpoint::bench::compare::Meaning;
use crate::report::escape::line;

const fn word(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Better => "better",
        Meaning::Worse => "worse",
        Meaning::Same => "within noise",
        Meaning::Unknown => "too few values",
    }
}

/// Writes a table.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(out, "{:<30}{:>12}{:>12}{:>10}", "", "before", "after", "change")?;
    for one in &comparison.differences {
        let percent = one.percent().map(|percent| format!("{percent:+.1} %")).unwrap_or_default();
        let meaning = word(one.meaning);
        writeln!(out, "{:<30}{:>12.2}{:>12.2}{percent:>10}  {meaning}", one.what, one.before, one.after)?;
    }
    for setting in &comparison.settings {
        writeln!(out, "note: the runs differ in {}", line(setting))?;
    }
    Ok(())
}

/// The same for machines: `imgforge.bench-comparison/1`.
#[must_use]
pub fn value(comparison: &Comparison) -> Value {
    let rows = comparison.differences.iter().map(|one| {
        json!({
            "what": one.what,
            "before": one.before,
            "after": one.after,
            "percent": one.percent(),
            "meaning": word(one.meaning),
        })
    });
    json!({
        "schema": "imgforge.bench-comparison/1",
        "settings": comparison.settings,
        "differences": rows.collect::<Vec<_>>(),
    })
}
