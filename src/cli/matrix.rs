//! `audit RECIPE --bases IMAGE…`.

use std::io;
use std::path::Path;

use crate::build;
use crate::build::Gate;
use crate::cli::args::Audit;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::parse_image;
use crate::cli::image::parse_platform;
use crate::cli::output::print_matrix;
use crate::cli::output::write_file;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::finding::RecipeSpot;
use crate::recipe;
use crate::recipe::ImageSource;
use crate::report::matrix::Cell;
use crate::report::matrix::Matrix;
use crate::report::matrix::Row;

/// Tries a recipe on many bases and prints the matrix; findings at or over the gate on any of them count.
///
/// # Errors
/// When the recipe or an image cannot be had.
pub fn matrix(args: &Audit, file: &str, session: &Session) -> Result<Outcome, Failure> {
    if args.gate.judge.write_baseline.is_some() {
        return Err(Failure::usage("a baseline is of one base", "leave `--bases` or `--write-baseline` out"));
    }
    let world = session.world();
    let mut recipe = recipe::load(Path::new(file), &variables("--var", &args.var)?)?;
    args.gate.judge.overrides().apply(&mut recipe.audit)?;
    let platform = parse_platform(&args.platform)?;
    let mut bases = Vec::new();
    for written in &args.bases {
        let spot = RecipeSpot { file: "--bases".to_owned(), line: 1, column: 1 };
        let reference = parse_image(written)?;
        bases.push(ImageSource { reference, written: written.clone(), platform: platform.clone(), spot });
    }
    let columns = build::matrix::columns(&recipe, &bases, &world)?;
    let gate: Gate = args.gate.gate.gate();
    let mut findings = columns.iter().flat_map(|column| &column.findings);
    let refused = findings.any(|finding| gate.refuses(finding));
    let row = |(path, cells): (String, Vec<Vec<_>>)| Row {
        path,
        cells: cells.into_iter().map(Cell::new).collect(),
    };
    let matrix = Matrix {
        subject: file.to_owned(),
        bases: args.bases.clone(),
        rows: build::matrix::rows(&columns).into_iter().map(row).collect(),
    };
    print_matrix(&mut io::stdout().lock(), &matrix, session.format)?;
    for (format, file) in args.gate.files() {
        let mut bytes = Vec::new();
        print_matrix(&mut bytes, &matrix, format)?;
        write_file(file, &bytes)?;
    }
    Ok(if refused { Outcome::Findings } else { Outcome::Clean })
}
