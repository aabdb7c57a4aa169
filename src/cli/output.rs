//! Writing reports where the user asked for them.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::build::Gate;
use crate::cli::args::Format;
use crate::cli::args::GateArgs;
use crate::cli::args::GateLevel;
use crate::cli::exit::Failure;
use crate::cli::session::Session;
use crate::report::Report;
use crate::report::human;
use crate::report::human::Style;
use crate::report::json;

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
    let failed = |source| Failure::File {
        action: "write",
        path: path.display().to_string(),
        source,
    };
    let scratch = crate::store::scratch::Scratch::new(temporary.clone());
    fs::write(&temporary, bytes).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)?;
    scratch.keep();
    Ok(())
}

/// Writes the files that `--report FORMAT=FILE` asks for.
///
/// # Errors
/// An unknown format, or a file that cannot be written.
pub fn write_reports(gate: &GateArgs, reports: &[Report]) -> Result<(), Failure> {
    for wanted in &gate.report {
        let Some((format, file)) = wanted.split_once('=') else {
            return Err(Failure::usage(
                format!("--report `{wanted}` has no `=`"),
                "write --report json=FILE",
            ));
        };
        let mut bytes = Vec::new();
        for report in reports {
            match format {
                "json" => json::write(&mut bytes, report)?,
                "human" => human::write(
                    &mut bytes,
                    report,
                    Style {
                        color: false,
                        show_before: true,
                    },
                )?,
                _ => {
                    let hint = "the formats are `json` and `human`";
                    return Err(Failure::usage(
                        format!("--report knows no format `{format}`"),
                        hint,
                    ));
                }
            }
        }
        write_file(Path::new(file), &bytes)?;
    }
    Ok(())
}

/// Prints the findings: for people on standard error beside a build's result, or as the result itself.
///
/// # Errors
/// When the output cannot be written.
pub fn print_report(out: &mut dyn Write, report: &Report, session: &Session) -> Result<(), Failure> {
    match session.format {
        Format::Human => human::write(out, report, session.style)?,
        Format::Json => json::write(out, report)?,
    }
    Ok(())
}
