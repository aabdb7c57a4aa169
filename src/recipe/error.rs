//! The error of a document that a person wrote: every problem with its place, drawn with carets.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Origin;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

use crate::finding::RecipeSpot;
use crate::hint::Hint;
use crate::recipe::fault::Fault;

/// Why a recipe or a patch file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read, or is not UTF-8.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file as the user named it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that it must not.
    #[error(transparent)]
    Invalid(Box<Invalid>),
}

/// A document with everything that was found wrong in it. Never without a problem.
#[derive(Debug)]
pub struct Invalid {
    /// The file as the user named it.
    pub file: String,
    /// Its text, as read.
    pub text: String,
    /// What is wrong, in the order of the text.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong and where.
#[derive(Debug)]
pub struct Problem {
    /// What is wrong.
    pub fault: Fault,
    /// The places, the one to change first; empty when it is in no place of the text.
    pub marks: Vec<Mark>,
}

/// A stretch of the text with what to say under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What to say there; may be empty.
    pub label: String,
}

impl Problem {
    /// A problem at one place.
    #[must_use]
    pub fn at(fault: impl Into<Fault>, span: Range<usize>) -> Self {
        Self { fault: fault.into(), marks: vec![Mark { span, label: String::new() }] }
    }

    /// Adds a further place, with a text under it.
    #[must_use]
    pub fn and(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        let label = label.into();
        self.marks.push(Mark { span, label });
        self
    }

    /// Puts a text under the first place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(mark) = self.marks.first_mut() {
            mark.label = label.into();
        }
        self
    }
}

/// The place of a byte of `text`: line and column count from 1, the column in characters.
#[must_use]
pub fn spot(file: &str, text: &str, offset: usize) -> RecipeSpot {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    RecipeSpot {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

impl Error {
    /// Makes the error of a document; problems are put in the order of the text.
    #[must_use]
    pub fn invalid(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.marks.first().map(|mark| (mark.span.start, mark.span.end)));
        Self::Invalid(Box::new(Invalid { file: file.to_owned(), text: text.to_owned(), problems }))
    }

    /// The whole error as text for a terminal: each problem with file, line, column, caret and advice.
    ///
    /// With `color`, ANSI escapes are in it. Ends in a newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        match self {
            Self::Unreadable { path, source } => {
                let title = format!("cannot read `{}`: {source}", path.display());
                let group = Group::with_title(Level::ERROR.primary_title(title));
                let group = group.elements(self.hint().map(|hint| Level::HELP.message(hint)));
                format!("{}\n", renderer.render(&[group]))
            }
            Self::Invalid(invalid) => invalid.render(&renderer),
        }
    }
}

impl Invalid {
    fn render(&self, renderer: &Renderer) -> String {
        let drawn: Vec<String> = self
            .problems
            .iter()
            .map(|problem| format!("{}\n", renderer.render(&[self.group(problem)])))
            .collect();
        drawn.join("\n")
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(problem.fault.to_string()));
        if problem.marks.is_empty() {
            group = group.element(Origin::path(self.file.as_str()));
        } else {
            let mut snippet = Snippet::source(self.text.as_str()).path(self.file.as_str());
            for (number, mark) in problem.marks.iter().enumerate() {
                let kind = match number {
                    0 => AnnotationKind::Primary,
                    _ => AnnotationKind::Context,
                };
                let label = (!mark.label.is_empty()).then_some(mark.label.as_str());
                snippet = snippet.annotation(kind.span(self.drawable(&mark.span)).label(label));
            }
            group = group.element(snippet);
        }
        group.elements(problem.fault.hint().map(|hint| Level::HELP.message(hint)))
    }

    /// The first line of a span: a table of many lines would bury its message.
    fn drawable(&self, span: &Range<usize>) -> Range<usize> {
        let start = span.start.min(self.text.len());
        let end = span.end.clamp(start, self.text.len());
        let first = self.text[start..end].find(['\r', '\n']);
        start..first.map_or(end, |length| start + length)
    }

    /// The place of the first problem.
    #[must_use]
    pub fn spot(&self) -> Option<RecipeSpot> {
        let mark = self.problems.first()?.marks.first()?;
        Some(spot(&self.file, &self.text, mark.span.start))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spot() {
            Some(spot) => write!(f, "{}:{}:{}: ", spot.file, spot.line, spot.column)?,
            None => write!(f, "{}: ", self.file)?,
        }
        if let Some(problem) = self.problems.first() {
            write!(f, "{}", problem.fault)?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            count => write!(f, " (and {} more)", count - 1),
        }
    }
}

impl std::error::Error for Invalid {}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Some("name a file that is there".to_owned()),
                io::ErrorKind::InvalidData => Some("save it as UTF-8".to_owned()),
                _ => None,
            },
            Self::Invalid(invalid) => invalid.problems.first()?.fault.hint(),
        }
    }
}
