//! Text patches: edits with anchors and unified diffs, as pure functions over the bytes of one file.
//!
//! A patch is applied whole, found applied whole, or refused: nothing is ever inserted twice and nothing is
//! left half done. Knows nothing of images; whoever calls reads the file and writes the result.

mod anchor;
#[cfg(test)]
mod cases;
mod diff;
mod error;
mod hunk;
mod lines;
mod nearest;
mod parse;
#[cfg(test)]
mod properties;

pub use error::Error;
pub use error::Nearest;
pub use parse::schema;

use std::path::Path;

use crate::finding::RecipeSpot;
use crate::oci::ImagePath;
use crate::python;
use crate::recipe;
use crate::recipe::PatchFile;

/// A patch, read and checked, ready for any number of files.
#[derive(Debug)]
pub struct Patch {
    /// The patch file as the user named it.
    file: String,
    /// What it does, in the words of its author; a diff has none.
    name: Option<String>,
    /// Whether the result must parse as Python; `None`: when the target ends in `.py`.
    python: Option<bool>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Edits(anchor::Edits),
    Diff(diff::Diff),
}

/// What came of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file changes.
    Applied {
        /// All its bytes.
        text: Vec<u8>,
        /// Where it changed, from the top.
        places: Vec<Place>,
    },
    /// Everything that the patch would do is in the file.
    AlreadyApplied,
}

/// One change of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line in the file before the patch, from 1.
    pub line: usize,
    /// Number of the edit or hunk in the patch, from 1.
    pub part: usize,
    /// How many lines below the place that a hunk names; 0 for edits.
    pub offset: i64,
}

impl Patch {
    /// Reads a patch that a recipe names.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong; then with all problems and their places.
    pub fn load(file: &PatchFile) -> Result<Self, recipe::Error> {
        match file {
            PatchFile::Edits(path) => Self::edits(&shown(path), &recipe::read(path)?),
            PatchFile::Diff(path) => Self::diff(&shown(path), &recipe::read(path)?),
        }
    }

    /// Parses a patch file in TOML. `file` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn edits(file: &str, text: &str) -> Result<Self, recipe::Error> {
        parse::edits(file, text)
    }

    /// Parses a unified diff of one file. `file` is its name in messages.
    ///
    /// # Errors
    /// The first line that is wrong, or that asks for more than a change of text.
    pub fn diff(file: &str, text: &str) -> Result<Self, recipe::Error> {
        let diff = diff::parse(text).map_err(|problem| recipe::Error::invalid(file, text, vec![problem]))?;
        Ok(Self { file: file.to_owned(), name: None, python: None, body: Body::Diff(diff) })
    }

    /// The patch file as the user named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What it does, in the words of its author.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether what it makes of `target` must parse as Python.
    #[must_use]
    pub fn makes_python(&self, target: &ImagePath) -> bool {
        self.python.unwrap_or_else(|| target.name().ends_with(b".py"))
    }

    fn spot(&self, line: usize) -> RecipeSpot {
        RecipeSpot { file: self.file.clone(), line, column: 1 }
    }
}

/// Applies a patch to the text of a file.
///
/// Line ends are compared as `\n`; bytes that are not touched stay as they are, and new lines end as the
/// lines around them do.
///
/// # Errors
/// The text is not UTF-8, or is not the text that the patch was made for, or would take the patch a second time.
pub fn apply(text: &[u8], patch: &Patch) -> Result<Outcome, Error> {
    let outcome = once(text, patch)?;
    if let Outcome::Applied { text: result, .. } = &outcome {
        // Whatever the reason that a second run would change the file again: better refused now.
        if let Ok(Outcome::Applied { .. }) = once(result, patch) {
            return Err(Error::Repeats { patch: patch.file.clone() });
        }
    }
    Ok(outcome)
}

/// Applies a patch to the text of `target` and, if that is Python, makes sure that the result parses.
///
/// # Errors
/// As [`apply`], and [`Error::Python`].
pub fn apply_to(target: &ImagePath, text: &[u8], patch: &Patch) -> Result<Outcome, Error> {
    let outcome = apply(text, patch)?;
    if let Outcome::Applied { text: result, .. } = &outcome
        && patch.makes_python(target)
    {
        let errors = python::parse_errors(&String::from_utf8_lossy(result));
        if let Some(first) = errors.into_iter().next() {
            return Err(Error::Python {
                patch: patch.file.clone(),
                line: first.line,
                column: first.column,
                message: first.message,
                parsed_before: python::parse_errors(&String::from_utf8_lossy(text)).is_empty(),
            });
        }
    }
    Ok(outcome)
}

fn once(text: &[u8], patch: &Patch) -> Result<Outcome, Error> {
    let text = lines::Normal::new(text).map_err(|line| Error::NotUtf8 { line })?;
    match &patch.body {
        Body::Edits(edits) => anchor::apply(&text, edits, patch),
        Body::Diff(diff) => hunk::apply(&text, diff, patch),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
