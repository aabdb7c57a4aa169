//! The matrix on a terminal: bases are numbered, as their names are long.

use std::io;
use std::io::Write;

use super::Matrix;
use super::mark;
use crate::report::escape::line;

/// What the last row counts.
const SUM: &str = "files with errors";

/// Writes the table, how many files have an error on each base, and the best base.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    writeln!(out, "{} on {} bases", line(&matrix.subject), matrix.bases.len())?;
    for (number, base) in matrix.bases.iter().enumerate() {
        writeln!(out, "  [{}] {}", number + 1, line(base))?;
    }
    let paths: Vec<String> = matrix.rows.iter().map(|row| line(&row.path)).collect();
    let wide = paths.iter().map(|path| path.chars().count()).chain([SUM.len()]).max().unwrap_or(0);
    let titles: Vec<String> = (1..=matrix.bases.len()).map(|number| format!("[{number}]")).collect();
    writeln!(out, "\n{}", columns("", wide, &titles))?;
    for (row, path) in matrix.rows.iter().zip(&paths) {
        let marks: Vec<String> = (0..matrix.bases.len()).map(|base| mark(row.cells.get(base))).collect();
        writeln!(out, "{}", columns(path, wide, &marks))?;
    }
    let tallies = matrix.tallies();
    let errors: Vec<String> = tallies.iter().map(|tally| tally.errors.to_string()).collect();
    writeln!(out, "{}", columns(SUM, wide, &errors))?;
    match matrix.best() {
        Some(best) => writeln!(out, "\nfewest errors: {}", line(best)),
        None => Ok(()),
    }
}

fn columns(first: &str, wide: usize, rest: &[String]) -> String {
    let rest: String = rest.iter().map(|text| format!("  {text:<10}")).collect();
    format!("{first:<wide$}{rest}").trim_end().to_owned()
}
