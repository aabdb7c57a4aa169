//! Verdicts as findings.

use super::judge::Fault;
use super::judge::Verdict;
use super::judge::Verdicts;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;

/// Adds a finding for each call with a fault that `message` has words for. Several calls of one operator in one file
/// are one finding, at the first of the worst, which names the lines of the others.
pub(in crate::audit) fn tell(
    check: &Check,
    verdicts: &Verdicts,
    findings: &mut Findings,
    message: impl Fn(&Verdict) -> Option<(Severity, String, String)>,
) {
    let told = verdicts.all.iter().filter_map(|verdict| Some((message(verdict)?, verdict)));
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|((severity, ..), verdict)| {
        (&verdict.script, verdict.symbol(), *severity, verdict.call.line)
    });
    for same in told.chunk_by(|(_, one), (_, two)| one.script == two.script && one.symbol() == two.symbol()) {
        let Some(((severity, message, raises), verdict)) = same.first() else { continue };
        let mut finding = Finding::new(check.id, *severity, verdict.script.to_string(), message);
        finding.line = Some(verdict.call.line);
        finding.symbol = Some(verdict.symbol());
        verdict.evidence(&mut finding, raises);
        let also: Vec<String> = same[1..].iter().map(|(_, other)| other.call.line.to_string()).collect();
        if !also.is_empty() {
            finding.evidence.insert("also_at".to_owned(), format!("line {}", also.join(", ")));
        }
        finding.help = Some(verdict.help());
        let blame = verdict.files.iter().chain([&verdict.script]).chain(&verdict.call.bound_in);
        let blame = blame.cloned().collect();
        findings.add(finding, blame);
    }
}

impl Verdict {
    /// `ns::op`
    pub(in crate::audit) fn symbol(&self) -> String {
        format!("{}::{}", self.call.namespace, self.call.operator)
    }

    /// The declaration with its namespace.
    pub(in crate::audit) fn declaration(&self) -> String {
        let prefix = format!("{}::", self.call.namespace);
        if self.declared.starts_with(&prefix) { self.declared.clone() } else { prefix + &self.declared }
    }

    /// How many values the call passes.
    pub(in crate::audit) fn count(&self) -> usize {
        self.call.call.count()
    }

    /// How many of them by place.
    pub(in crate::audit) fn positional(&self) -> usize {
        self.call.call.positional.len()
    }

    /// It may never run, or may fail without harm.
    pub(in crate::audit) fn is_guarded(&self) -> bool {
        self.call.guard.is_some()
    }

    /// The import of the file comes to it.
    pub(in crate::audit) fn is_at_import(&self) -> bool {
        self.call.at_import
    }

    /// How bad a fault is that would be an error for certain.
    pub(in crate::audit) fn severity(&self) -> Severity {
        match () {
            () if self.call.guard.is_some() => Severity::Note,
            () if self.certain => Severity::Error,
            () => Severity::Warning,
        }
    }

    fn evidence(&self, finding: &mut Finding, raises: &str) {
        let mut put = |name: &str, text: String| {
            if !text.is_empty() {
                finding.evidence.insert(name.to_owned(), text);
            }
        };
        let library: Vec<String> = self.files.iter().map(ToString::to_string).collect();
        put("library", library.join(", "));
        put("call", self.call.text.clone());
        put("named_in", self.call.bound_in.as_ref().map(ToString::to_string).unwrap_or_default());
        if !self.declared.is_empty() {
            put("declared", self.declaration());
        }
        put("caller_declared", self.written_for.clone().unwrap_or_default());
        put("guard", self.call.guard.clone().unwrap_or_default());
        if self.call.end > self.call.line {
            put("lines", format!("{}-{}", self.call.line, self.call.end));
        }
        put("raises", raises.to_owned());
    }

    fn help(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| format!("`{file}`")).collect();
        match (&self.fault, files.as_slice()) {
            (_, []) => "take the Python files and the library from one build".to_owned(),
            (Fault::Some(_), files) => {
                format!("{} is of another build than its siblings: replace all of them", files.join(", "))
            }
            (_, files) => {
                format!("take this file and {} from one build, or patch the call", files.join(", "))
            }
        }
    }
}
