//! Options that say what findings are held against.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;

use crate::audit;
use crate::build::Overrides;
use crate::cli::args::Format;
use crate::cli::args::GateArgs;
use crate::cli::exit::Failure;
use crate::finding::Finding;
use crate::oci::ImagePath;
use crate::recipe::EntryContext;
use crate::recipe::Level;
use crate::recipe::LevelChoice;
use crate::recipe::Scope;
use crate::report::kinds;

/// What of an image is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum AuditScope {
    /// All of it.
    #[default]
    Image,
    /// The files that are brought, and what is loaded for them.
    Closure,
}

impl From<AuditScope> for Scope {
    fn from(scope: AuditScope) -> Self {
        match scope {
            AuditScope::Image => Self::Image,
            AuditScope::Closure => Self::Closure,
        }
    }
}

/// What findings are held against; goes before what a recipe says.
#[derive(Debug, Default, Args)]
pub struct Judge {
    /// Hold the files against a policy: manylinux_2_28, debian-12, ubuntu-24.04, … or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: Option<String>,
    /// Put what a check finds on another level: error, warning, note or off; may be repeated
    #[arg(long, value_name = "CHECK=LEVEL", value_parser = level)]
    pub level: Vec<(String, Level)>,
    /// Files of the image that GLOB matches are loaded by EXECUTABLE once it has opened each PRELOAD, those with
    /// `global:` first and for all that comes later; without EXECUTABLE the program is inferred; may be repeated
    #[arg(long, value_name = "GLOB=EXECUTABLE[,[global:]PRELOAD…]", value_parser = context)]
    pub context: Vec<EntryContext>,
    /// Judge all of the image, or only the files that are brought and what is loaded for them
    #[arg(long, value_enum, default_value_t = AuditScope::Image)]
    pub audit_scope: AuditScope,
    /// JSON report of an earlier audit: what it has counts as there before
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the findings to FILE, for a later --baseline
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

impl Judge {
    /// As the library takes it.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            policy: self.policy.clone(),
            levels: self.level.iter().cloned().collect(),
            baseline: self.baseline.clone(),
            contexts: self.context.clone(),
            scope: self.audit_scope.into(),
        }
    }

    /// Puts findings that come from no audit on their levels.
    ///
    /// # Errors
    /// A level for a check that is not there.
    pub fn settle(&self, findings: &mut [Finding]) -> Result<(), Failure> {
        let kinds = kinds::all();
        if let Some((id, _)) = self.level.iter().find(|(id, _)| !kinds.iter().any(|kind| kind.id == id)) {
            return Err(Failure::usage(format!("there is no check `{id}`"), "list them: `imgforge explain`"));
        }
        let choices = self.level.iter();
        let choices =
            choices.map(|(id, level)| (id.clone(), LevelChoice { level: *level, spot: None })).collect();
        audit::choose(findings, &choices);
        Ok(())
    }

    /// The options as words of a command line that finds the same.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut put = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        if let Some(policy) = &self.policy {
            put("--policy", policy.clone());
        }
        for (id, level) in &self.level {
            put("--level", format!("{id}={}", name(*level)));
        }
        for context in &self.context {
            put("--context", written(context));
        }
        if self.audit_scope == AuditScope::Closure {
            put("--audit-scope", "closure".to_owned());
        }
        if let Some(file) = &self.baseline {
            put("--baseline", file.display().to_string());
        }
        words
    }
}

impl GateArgs {
    /// The files that findings are written to, with the format of each: a baseline is a JSON report.
    pub fn files(&self) -> impl Iterator<Item = (Format, &Path)> {
        let reports = self.report.iter().map(|(format, file)| (*format, file.as_path()));
        reports.chain(self.judge.write_baseline.iter().map(|file| (Format::Json, file.as_path())))
    }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
        Level::Off => "off",
    }
}

/// `CHECK=LEVEL`.
fn level(text: &str) -> Result<(String, Level), String> {
    let (id, wanted) = text.split_once('=').ok_or("write CHECK=LEVEL, such as copies=off")?;
    let levels = [Level::Error, Level::Warning, Level::Note, Level::Off];
    let found = levels.into_iter().find(|level| name(*level) == wanted);
    let level = found.ok_or("the levels are `error`, `warning`, `note` and `off`")?;
    Ok((id.to_owned(), level))
}

/// Before a preload that is opened with `RTLD_GLOBAL`.
const GLOBAL: &str = "global:";

/// `GLOB=EXECUTABLE[,[global:]PRELOAD…]`.
fn context(text: &str) -> Result<EntryContext, String> {
    let form = "write GLOB=EXECUTABLE[,[global:]PRELOAD…], such as /opt/app/plugins/*.so=/opt/app/bin/app";
    let (subject, company) = text.split_once('=').ok_or(form)?;
    globset::Glob::new(subject).map_err(|error| error.to_string())?;
    if subject.is_empty() || company.trim_matches(',').is_empty() {
        return Err(form.to_owned());
    }
    let path = |text: &str| ImagePath::absolute(text).map_err(|error| error.to_string());
    let mut names = company.split(',');
    let executable = names.next().filter(|name| !name.is_empty()).map(path).transpose()?;
    let (global, own): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with(GLOBAL));
    let all = |names: Vec<&str>| {
        names
            .into_iter()
            .map(|name| path(name.strip_prefix(GLOBAL).unwrap_or(name)))
            .collect::<Result<Vec<_>, _>>()
    };
    let (preload, preload_global) = (all(own)?, all(global)?);
    Ok(EntryContext { subject: subject.to_owned(), executable, preload, preload_global, spot: None })
}

fn written(context: &EntryContext) -> String {
    let program = context.executable.as_ref().map(ToString::to_string).unwrap_or_default();
    let global = context.preload_global.iter().map(|path| format!(",{GLOBAL}{path}"));
    let preloads = global.chain(context.preload.iter().map(|path| format!(",{path}"))).collect::<String>();
    format!("{}={program}{preloads}", context.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_a_glob_and_what_loads_it() {
        let fine = [
            "/p/*.so=/bin/app",
            "/p/*.so=/bin/app,/a.so,/b.so",
            "*=,/a.so",
            "*=,global:/a.so,global:/b.so,/c.so",
        ];
        for text in fine {
            assert_eq!(written(&context(text).unwrap()), text);
        }
        // What all see is opened first, wherever it is written.
        assert_eq!(written(&context("*=,/c.so,global:/a.so").unwrap()), "*=,global:/a.so,/c.so");
        let bad = [
            "/p/*.so",
            "=/bin/app",
            "/p=",
            "/p=,",
            "/p=bin",
            "[=/bin/app",
            "/p=/bin/app,a.so",
            "*=,global:a.so",
        ];
        for text in bad {
            assert!(context(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_level_is_a_check_and_a_word() {
        for (text, want) in [
            ("copies=off", Some(Level::Off)),
            ("copies=error", Some(Level::Error)),
            ("copies", None),
            ("copies=loud", None),
        ] {
            assert_eq!(level(text).ok().map(|(_, level)| level), want, "{text}");
        }
    }
}
