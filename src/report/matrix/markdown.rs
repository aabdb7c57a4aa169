//! The matrix for a comment or a step summary.

use std::io;
use std::io::Write;

use super::Cell;
use super::Matrix;
use super::mark;
use crate::finding::Severity;
use crate::report::escape::cut;
use crate::report::markdown::MOST;
use crate::report::markdown::text::code;
use crate::report::markdown::text::plain;
use crate::report::markdown::text::sentence;

/// Longest name that is shown whole.
const NAME: usize = 300;

/// Writes the table and what is behind its errors, as long as there is room in a comment.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    let mut text =
        format!("### imgforge: {} on {} bases\n\n", plain(&cut(&matrix.subject, NAME)), matrix.bases.len());
    let bases: String = matrix.bases.iter().map(|base| format!(" {} |", code(&cut(base, NAME)))).collect();
    text.push_str(&format!("| File |{bases}\n|---|{}\n", "---|".repeat(matrix.bases.len())));
    let mut left = 0;
    for row in &matrix.rows {
        let cells: String =
            (0..matrix.bases.len()).map(|base| format!(" {} |", sign(row.cells.get(base)))).collect();
        add(&mut text, &mut left, &format!("| {} |{cells}\n", code(&cut(&row.path, NAME))));
    }
    if let Some(best) = matrix.best() {
        text.push_str(&format!("\nFewest errors: {}\n", code(&cut(best, NAME))));
    }
    text.push_str("\n<details><summary>What is behind the errors</summary>\n\n");
    for row in &matrix.rows {
        for (base, cell) in matrix.bases.iter().zip(&row.cells) {
            for finding in cell.findings.iter().filter(|finding| finding.severity == Severity::Error) {
                let (path, base) = (code(&cut(&row.path, NAME)), code(&cut(base, NAME)));
                let what = sentence(&cut(&finding.message, NAME));
                let check = code(&finding.check);
                add(&mut text, &mut left, &format!("- {path} on {base}: {check} {what}\n"));
            }
        }
    }
    text.push_str("\n</details>\n");
    if left > 0 {
        text.push_str(&format!("\n**{left} more lines are left out, as a comment has no room for them.**\n"));
    }
    out.write_all(text.as_bytes())
}

/// Adds a line while there is room for it and for what ends the comment.
fn add(text: &mut String, left: &mut usize, line: &str) {
    if *left == 0 && text.len() + line.len() < MOST - 1000 {
        text.push_str(line);
    } else {
        *left += 1;
    }
}

fn sign(cell: Option<&Cell>) -> String {
    let sign = match cell.map(|cell| cell.worst) {
        Some(None) => "✅",
        Some(Some(Severity::Error)) => "❌",
        Some(Some(Severity::Warning)) => "⚠️",
        Some(Some(Severity::Note)) => "ℹ️",
        None => "",
    };
    format!("{sign} {}", mark(cell))
}
