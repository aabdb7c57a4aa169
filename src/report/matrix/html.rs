//! The matrix as a heat map on a page of its own; each cell leads to its findings.

use std::io;
use std::io::Write;

use super::Cell;
use super::Matrix;
use super::mark;
use crate::report::escape::line;
use crate::report::escape::markup;
use crate::report::html::findings::sentence;
use crate::report::html::page;

/// Most findings of one cell that are listed.
const CELL: usize = 50;

/// Writes the page.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    let title = markup(&line(&matrix.subject));
    let mut body = format!("<h1>{title} on {} bases</h1>\n", matrix.bases.len());
    if let Some(best) = matrix.best() {
        body.push_str(&format!("<p>Fewest errors: <code>{}</code></p>\n", markup(&line(best))));
    }
    body.push_str(&heat(matrix));
    body.push_str(&behind(matrix));
    out.write_all(page(&matrix.subject, &body).as_bytes())
}

fn heat(matrix: &Matrix) -> String {
    let bases: String = matrix
        .bases
        .iter()
        .map(|base| format!("<th scope=\"col\"><code>{}</code></th>", markup(&line(base))))
        .collect();
    let mut out = format!(
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Heat map\"><table class=\"heat\">\n\
         <caption class=\"dim\">The worst finding for each file on each base</caption>\n\
         <thead><tr><th scope=\"col\">File</th>{bases}</tr></thead>\n<tbody>\n"
    );
    for (number, row) in matrix.rows.iter().enumerate() {
        let cells: String =
            (0..matrix.bases.len()).map(|base| cell(number, base, row.cells.get(base))).collect();
        out.push_str(&format!(
            "<tr><th scope=\"row\" class=\"path\">{}</th>{cells}</tr>\n",
            markup(&line(&row.path))
        ));
    }
    let tallies = matrix.tallies();
    let sums: String = tallies.iter().map(|tally| format!("<td>{}</td>", tally.errors)).collect();
    out.push_str(&format!(
        "<tr><th scope=\"row\">files with errors</th>{sums}</tr>\n</tbody></table></div>\n"
    ));
    out
}

fn cell(row: usize, base: usize, cell: Option<&Cell>) -> String {
    let word = mark(cell);
    match cell.and_then(|cell| cell.worst) {
        Some(worst) => format!("<td class=\"{worst}\"><a href=\"#c{row}-{base}\">{word}</a></td>"),
        None if cell.is_some() => format!("<td class=\"none\">{word}</td>"),
        None => format!("<td>{word}</td>"),
    }
}

/// The findings of each cell, for those who follow its link.
fn behind(matrix: &Matrix) -> String {
    let mut out = "<h2>Findings</h2>\n".to_owned();
    for (number, row) in matrix.rows.iter().enumerate() {
        for (base, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.findings.is_empty()) {
            let name = matrix.bases.get(base).map(String::as_str).unwrap_or_default();
            out.push_str(&format!(
                "<h3 id=\"c{number}-{base}\"><code>{}</code> on <code>{}</code></h3>\n<ul>\n",
                markup(&line(&row.path)),
                markup(&line(name))
            ));
            for finding in cell.findings.iter().take(CELL) {
                let (severity, check) = (finding.severity, markup(&finding.check));
                out.push_str(&format!(
                    "<li><span class=\"badge {severity}\">{severity}</span> <code>{check}</code> {}</li>\n",
                    sentence(&finding.message)
                ));
            }
            if cell.findings.len() > CELL {
                out.push_str(&format!("<li>and {} more</li>\n", cell.findings.len() - CELL));
            }
            out.push_str("</ul>\n");
        }
    }
    out
}
