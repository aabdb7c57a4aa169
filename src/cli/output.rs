//! Writing reports where the user asked for them.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::build::Gate;
use crate::cli::args::Command;
use crate::cli::args::Format;
use crate::cli::args::GateArgs;
use crate::cli::args::GateLevel;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::report::Report;
use crate::report::html;
use crate::report::human;
use crate::report::human::Style;
use crate::report::issue;
use crate::report::json;
use crate::report::junit;
use crate::report::markdown;
use crate::report::matrix;
use crate::report::matrix::Matrix;
use crate::report::sarif;

impl GateLevel {
    /// The level as the library knows it.
    #[must_use]
    pub const fn gate(self) -> Gate {
        match self {
            Self::Off => Gate::Off,
            Self::Error => Gate::Error,
            Self::Warning => Gate::Warning,
            Self::Note => Gate::Note,
        }
    }
}

/// Writes a file whole: to a temporary name beside it, then renamed.
///
/// # Errors
/// When it cannot be written; an older file stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let failed = |source| not_written(path, source);
    let scratch = crate::store::scratch::Scratch::new(temporary.clone());
    fs::write(&temporary, bytes).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)?;
    scratch.keep();
    Ok(())
}

/// Makes sure, before any work, that files can be made where the results are to be written.
///
/// # Errors
/// The first directory that takes no file.
pub fn check_writable<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<(), Failure> {
    for path in files {
        if path.is_dir() {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(not_written(path, source));
        }
        check_directory(path, path.parent().unwrap_or(Path::new("")))?;
    }
    Ok(())
}

/// Makes sure that `directory` (empty: the current one) takes files, which `wanted` asks for.
///
/// # Errors
/// When it does not, under the name of `wanted`.
pub fn check_directory(wanted: &Path, directory: &Path) -> Result<(), Failure> {
    let here = Path::new(".");
    let directory = if directory.as_os_str().is_empty() { here } else { directory };
    tempfile::tempfile_in(directory).map_err(|source| not_written(wanted, source)).map(drop)
}

fn not_written(path: &Path, source: io::Error) -> Failure {
    Failure::File { action: "write", path: path.display().to_string(), source }
}

/// Makes sure, before any work, that a command can print in this format: those for findings alone are for the
/// command whose result they are.
///
/// # Errors
/// When it cannot.
pub fn check_format(command: &Command, format: Format) -> Result<(), Failure> {
    match (command, format) {
        (_, Format::Human | Format::Json) | (Command::Audit(_), _) => Ok(()),
        (Command::Deploy(deploy), _) if deploy.finds() => Ok(()),
        (Command::Smoke(_), Format::Junit) => Ok(()),
        (Command::Bench(bench), Format::Html) if bench.command.is_none() => Ok(()),
        (Command::Smoke(_) | Command::Bench(_), _) => Err(Failure::usage(
            "there is no such view of a served model",
            "use `human` or `json`; `smoke` has `junit`, `bench URL` has `html`",
        )),
        _ => Err(Failure::usage(
            "this format is for findings, which `audit` prints and `deploy check`",
            "with `build`, write it to a file: `--report FORMAT=FILE`",
        )),
    }
}

/// Writes the files that `--report FORMAT=FILE` asks for.
///
/// # Errors
/// A file that cannot be written.
pub fn write_reports(gate: &GateArgs, reports: &[Report]) -> Result<(), Failure> {
    for (format, file) in gate.files() {
        let mut bytes = Vec::new();
        let style = Style { color: false, show_before: true, most: None };
        write_all(&mut bytes, format, reports, style)?;
        write_file(file, &bytes)?;
    }
    Ok(())
}

/// Prints the findings in the session's format.
///
/// # Errors
/// When the output cannot be written.
pub fn print_report(out: &mut dyn Write, report: &Report, session: &Session) -> Result<(), Failure> {
    Ok(write_all(out, session.format, std::slice::from_ref(report), session.style)?)
}

fn write_all(out: &mut dyn Write, format: Format, reports: &[Report], style: Style) -> io::Result<()> {
    match (format, reports) {
        (Format::Human, all) => all.iter().try_for_each(|report| human::write(out, report, style)),
        (Format::Json, [report]) => json::write(out, report),
        (Format::Json, several) => {
            let all = several.iter().map(json::value).collect::<Result<Vec<_>, _>>();
            writeln!(out, "{:#}", Value::Array(all.map_err(io::Error::other)?))
        }
        (Format::Sarif, all) => sarif::write(out, all),
        (Format::Junit, all) => junit::write(out, all),
        (Format::Markdown, all) => markdown::write(out, all),
        (Format::Issue, all) => all.iter().try_for_each(|report| issue::write(out, report)),
        (Format::Html, all) => html::write(out, all),
    }
}

/// Prints one donor on many bases in the given format.
///
/// # Errors
/// When the output cannot be written, or there is no such view.
pub fn print_matrix(out: &mut dyn Write, matrix: &Matrix, format: Format) -> Result<(), Failure> {
    match format {
        Format::Human => matrix::human::write(out, matrix)?,
        Format::Json => matrix::json::write(out, matrix)?,
        Format::Markdown => matrix::markdown::write(out, matrix)?,
        Format::Html => matrix::html::write(out, matrix)?,
        Format::Sarif | Format::Junit | Format::Issue => {
            let hint = "use `human`, `json`, `markdown` or `html`";
            return Err(Failure::usage("there is no such view of many bases", hint));
        }
    }
    Ok(())
}
