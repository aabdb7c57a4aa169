//! A benchmark for machines: the summary as it is, `imgforge.bench/1`.

use std::io;
use std::io::Write;

use serde_json::Value;

use crate::endpoint::bench::Summary;
use crate::report::json::schema_of;

/// Writes one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, run: &Summary) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, run)?;
    writeln!(out)
}

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> Value {
    schema_of::<Summary>("imgforge benchmark")
}
