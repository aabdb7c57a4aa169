//! What a check has to say: a value, never an error of the tool.
//!
//! Knows nothing of how it is printed (`report`) or of what decides (`audit`, `build::gate`).

use std::collections::BTreeMap;
use std::fmt;

/// How bad a finding is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The image would not load or run: the gate refuses.
    Error,
    /// It may load and then misbehave.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A place in a recipe or patch file; line and column count from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecipeSpot {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One thing that a check saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The id of the check, as `imgforge explain` takes it.
    pub check: String,
    /// Path in the image, absolute; empty when the finding is about the image as a whole.
    pub path: String,
    /// Line in that file, from 1, for text.
    pub line: Option<usize>,
    /// The symbol, library or variable it is about.
    pub symbol: Option<String>,
    /// One sentence, lower-case, no full stop.
    pub message: String,
    /// Facts that back the message, by name.
    pub evidence: BTreeMap<String, String>,
    /// Whether this build brings it (`true`) or it was in the base before (`false`).
    pub introduced: bool,
    /// The recipe line that brought the file here.
    pub recipe: Option<RecipeSpot>,
    /// What to do about it.
    pub help: Option<String>,
    /// The reason given in the recipe's `allow`, when one matched: such a finding does not count at the gate.
    pub allowed: Option<String>,
}

impl Finding {
    /// Makes a finding of a kind; see [`Finding::new`].
    #[must_use]
    pub fn of(notice: &Notice, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(notice.id, notice.severity, path, message)
    }

    /// Makes a finding with the given essentials; the rest is empty and `introduced` is true.
    #[must_use]
    pub fn new(check: &str, severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            check: check.to_owned(),
            path: path.into(),
            line: None,
            symbol: None,
            message: message.into(),
            evidence: BTreeMap::new(),
            introduced: true,
            recipe: None,
            help: None,
            allowed: None,
        }
    }
}

/// What a kind of finding means, for `imgforge explain`.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    /// The id that findings of this kind carry.
    pub id: &'static str,
    /// How bad they are.
    pub severity: Severity,
    /// What they say, in one line.
    pub summary: &'static str,
    /// What it means, why it matters and what to do.
    pub explain: &'static str,
}
