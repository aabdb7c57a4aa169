//! Findings as bug reports for those who can mend them: one for each check and file, worst first.
//!
//! Each has what happens, both sides' declarations where there are two, the bytes it is about, and the command
//! that shows it. What a program says at run time is quoted in its own words, or not at all.

mod symptom;

use std::io;
use std::io::Write;

use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::Report;
use crate::report::escape;
use crate::report::fold::Fold;
use crate::report::fold::fold;
use crate::report::markdown::text::code;
use crate::report::markdown::text::fence;
use crate::report::markdown::text::plain;
use crate::report::markdown::text::sentence;
use symptom::symptom;

/// Most bug reports of one run: nobody files more at once.
const MOST: usize = 20;
/// Most symbols of one file that are listed.
const SYMBOLS: usize = 25;
/// Longest message of a title: with the file's name about what trackers show.
const TITLE: usize = 120;

/// Evidence that is a declaration or the call, with its heading and its language.
const SIDES: [(&str, &str, &str); 4] = [
    ("declared", "The library declares", "cpp"),
    ("expected", "The caller was written for", "cpp"),
    ("caller_declared", "The caller was written for", "cpp"),
    ("call", "The call", "python"),
];

/// Writes a bug report for every problem that is an error or warning, not allowed, and new.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let folds = fold(report);
    let mut problems: Vec<Vec<&Fold<'_>>> = Vec::new();
    let counts = |finding: &Finding| {
        finding.introduced && finding.allowed.is_none() && finding.severity != Severity::Note
    };
    for fold in folds.iter().filter(|fold| counts(fold.finding)) {
        let same = |problem: &&mut Vec<&Fold<'_>>| {
            let first = problem[0].finding;
            // Calls and lines are told one by one.
            first.line.is_none() && (&first.check, &first.path) == (&fold.finding.check, &fold.finding.path)
        };
        match problems.iter_mut().find(same) {
            Some(problem) => problem.push(fold),
            None => problems.push(vec![fold]),
        }
    }
    for (number, problem) in problems.iter().take(MOST).enumerate() {
        if number > 0 {
            writeln!(out, "\n---\n")?;
        }
        write_problem(out, report, problem)?;
    }
    match problems.len() {
        0 => writeln!(out, "{}: nothing to report: no error or warning is new.", plain(&report.subject)),
        n if n > MOST => writeln!(out, "\n---\n\n{} more problems are left out.", n - MOST),
        _ => Ok(()),
    }
}

fn write_problem(out: &mut dyn Write, report: &Report, problem: &[&Fold<'_>]) -> io::Result<()> {
    let finding = problem[0].finding;
    writeln!(out, "# {}\n\n## What happens\n", title(finding))?;
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = code(&format!("{}{line}", finding.path));
    if problem.len() == 1 {
        writeln!(out, "{place} {}.", sentence(&finding.message))?;
    } else {
        writeln!(out, "{place} has {} findings of this kind:\n", problem.len())?;
        for fold in problem.iter().take(SYMBOLS) {
            writeln!(out, "- {}", sentence(&fold.finding.message))?;
        }
        if problem.len() > SYMBOLS {
            writeln!(out, "- and {} more", problem.len() - SYMBOLS)?;
        }
    }
    if let Some(said) = symptom(finding) {
        writeln!(out, "\nAt run time:\n\n{}", fence("", &said).trim_end())?;
    }
    write_sides(out, finding)?;
    write_evidence(out, problem[0])?;
    write_versions(out, report, problem)?;
    write_reproduction(out, report, finding)
}

/// The file by its name, what is wrong with it, and other files by their names: trackers cut long titles, and the
/// paths stand below.
fn title(finding: &Finding) -> String {
    let name = finding.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("the image");
    let named = |(number, part): (usize, &str)| match part.rsplit_once('/') {
        Some((_, last)) if number % 2 == 1 && part.starts_with('/') && !last.is_empty() => last.to_owned(),
        _ => part.to_owned(),
    };
    let message: Vec<String> = finding.message.split('`').enumerate().map(named).collect();
    let short = escape::cut(&message.join("`"), TITLE);
    // A cut may fall into code: its end goes back on.
    let open = short.matches('`').count() % 2 == 1;
    let close = if open { "`" } else { "" };
    format!("{} {}", code(&name.replace('`', "'")), sentence(&format!("{short}{close}")))
}

fn write_sides(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let mut heading = Some("\n## Both sides");
    for (name, title, language) in SIDES {
        if let Some(text) = finding.evidence.get(name).filter(|text| !text.is_empty()) {
            if let Some(heading) = heading.take() {
                writeln!(out, "{heading}")?;
            }
            let language =
                if name == "caller_declared" && text.contains("def ") { "python" } else { language };
            writeln!(out, "\n{title}:\n\n{}", fence(language, text).trim_end())?;
        }
    }
    Ok(())
}

fn write_evidence(out: &mut dyn Write, fold: &Fold<'_>) -> io::Result<()> {
    writeln!(out, "\n## Evidence\n")?;
    if let Some(symbol) = &fold.finding.symbol {
        writeln!(out, "- symbol: {}", code(symbol))?;
    }
    let shown = |name: &str| SIDES.iter().all(|(side, ..)| *side != name) && name != "raises";
    for (name, value) in fold.finding.evidence.iter().filter(|(name, value)| shown(name) && !value.is_empty())
    {
        writeln!(out, "- {}: {}", plain(&name.replace('_', " ")), code(&escape::cut(value, 4000)))?;
    }
    if let Some(spot) = &fold.finding.recipe {
        writeln!(out, "- introduced by: {}", code(&format!("{}:{}:{}", spot.file, spot.line, spot.column)))?;
    }
    if !fold.copies.is_empty() {
        writeln!(out, "- identical copies: {}", code(&fold.copies.join(", ")))?;
    }
    match &fold.finding.help {
        Some(help) => writeln!(out, "- what helps: {}", sentence(help)),
        None => Ok(()),
    }
}

/// The images and files, byte for byte.
fn write_versions(out: &mut dyn Write, report: &Report, problem: &[&Fold<'_>]) -> io::Result<()> {
    writeln!(out, "\n## Versions\n")?;
    writeln!(out, "- imgforge {}", env!("CARGO_PKG_VERSION"))?;
    for image in &report.background.images {
        let digest = image.digest.as_deref().map(|digest| format!(" {}", code(digest))).unwrap_or_default();
        writeln!(
            out,
            "- {}: {}{digest} {}",
            plain(&image.role),
            code(&image.reference),
            plain(&image.platform)
        )?;
    }
    let named = |path: &str| problem.iter().any(|fold| names(fold.finding, path));
    for (path, file) in report.background.files.iter().filter(|(path, _)| named(path)) {
        let build_id =
            file.build_id.as_deref().map(|id| format!(", build-id {}", code(id))).unwrap_or_default();
        writeln!(out, "- {}: {}{build_id}, {} bytes", code(path), code(&file.digest), file.size)?;
    }
    Ok(())
}

/// Whether a finding is about this file or names it.
fn names(finding: &Finding, path: &str) -> bool {
    let whole = |text: &str| text.split(['`', ',', ' ', ';']).any(|word| word == path);
    finding.path == path || whole(&finding.message) || finding.evidence.values().any(|text| whole(text))
}

fn write_reproduction(out: &mut dyn Write, report: &Report, finding: &Finding) -> io::Result<()> {
    let mut lines = format!("imgforge audit {}\n", report.subject);
    if !report.background.command.is_empty() {
        lines = format!("{}\n", report.background.command_line());
    }
    lines.push_str(&format!("imgforge explain {}\n", finding.check));
    writeln!(out, "\n## Reproduce\n\nNothing of the image is run:\n\n{}", fence("sh", &lines).trim_end())?;
    if !report.background.environment.is_empty() {
        let pairs = report.background.environment.iter();
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(
            out,
            "\nThe environment that the loader was modelled with:\n\n{}",
            fence("sh", &pairs.join("\n")).trim_end()
        )?;
    }
    Ok(())
}
