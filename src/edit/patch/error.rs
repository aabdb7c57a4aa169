//! Why a patch was refused.

use crate::finding::RecipeSpot;
use crate::hint::Hint;

/// Why a patch was refused. The file stays as it was.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Error {
    /// A text patch needs text.
    #[error("the file is not UTF-8: line {line} has other bytes")]
    NotUtf8 {
        /// The first such line, from 1.
        line: usize,
    },
    /// An anchor that is there too often or not at all.
    #[error(
        "{}:{}: the anchor must match {}, but matches {}{}",
        spot.file, spot.line, times(*expected), found.len(), at_lines(found)
    )]
    Count {
        /// The edit in the patch file.
        spot: RecipeSpot,
        /// `count` of the edit.
        expected: usize,
        /// The line of each match, from 1.
        found: Vec<usize>,
        /// What comes nearest to an anchor that is nowhere.
        nearest: Option<Nearest>,
    },
    /// Lines of a hunk that are not in the file.
    #[error("{}:{}: hunk {hunk} does not fit the file", spot.file, spot.line)]
    Hunk {
        /// The hunk in the diff.
        spot: RecipeSpot,
        /// Its number, from 1.
        hunk: usize,
        /// What comes nearest to its old lines.
        nearest: Option<Nearest>,
    },
    /// A hunk that fits where it must not: out of order, or away from the end of the file that its context shows.
    #[error(
        "{}:{}: hunk {hunk} fits at line {line}, but its context puts it elsewhere",
        spot.file, spot.line
    )]
    Elsewhere {
        /// The hunk in the diff.
        spot: RecipeSpot,
        /// Its number, from 1.
        hunk: usize,
        /// Where its lines are in the file, from 1.
        line: usize,
    },
    /// Some of a patch is in the file, and some is not.
    #[error("`{patch}` is applied in part: {} {}, {} not", parts(done), is(done), parts(open))]
    Partial {
        /// The patch.
        patch: String,
        /// Numbers of the edits or hunks that are in the file.
        done: Vec<usize>,
        /// Numbers of those that are not.
        open: Vec<usize>,
    },
    /// All new texts are there, but they are too short to tell a patched file from a coincidence.
    #[error("`{patch}` may be applied already: the new text of {} {}", parts(done), is(done))]
    Unclear {
        /// The patch.
        patch: String,
        /// Numbers of the edits whose new text is there.
        done: Vec<usize>,
    },
    /// A hunk fits where it would be applied, and where it would have been, equally well.
    #[error("`{patch}` fits the file both as applied and as not applied")]
    Ambiguous {
        /// The patch.
        patch: String,
    },
    /// A patch that would change its own result again.
    #[error("`{patch}` would change the file again when applied twice")]
    Repeats {
        /// The patch.
        patch: String,
    },
    /// Two edits of one stretch of text.
    #[error("edits {first} and {second} of `{patch}` change the same text at line {line}")]
    Overlap {
        /// The patch.
        patch: String,
        /// Number of one edit, from 1.
        first: usize,
        /// Number of the other.
        second: usize,
        /// Line in the file, from 1.
        line: usize,
    },
    /// A pre-condition.
    #[error("`{patch}` requires `{text}`, which the file does not have")]
    Required {
        /// The patch.
        patch: String,
        /// The literal text.
        text: String,
        /// What comes nearest.
        nearest: Option<Nearest>,
    },
    /// A pre-condition.
    #[error("`{patch}` forbids `{text}`, which the file has at line {line}")]
    Forbidden {
        /// The patch.
        patch: String,
        /// The literal text.
        text: String,
        /// Line in the file, from 1.
        line: usize,
    },
    /// A post-condition.
    #[error("`{patch}` must leave `{text}` in the file, but does not")]
    NotEnsured {
        /// The patch.
        patch: String,
        /// The literal text.
        text: String,
    },
    /// A post-condition.
    #[error("`{patch}` must leave no `{text}` in the file, but line {line} of the result has it")]
    Left {
        /// The patch.
        patch: String,
        /// The literal text.
        text: String,
        /// Line in the result, from 1.
        line: usize,
    },
    /// The result is no Python.
    #[error("after `{patch}`, line {line}:{column} is not valid Python: {message}")]
    Python {
        /// The patch.
        patch: String,
        /// Line in the result, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser says.
        message: String,
        /// Whether the file parsed before the patch.
        parsed_before: bool,
    },
}

/// The text of the file that is most like one that was looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Its first line in the file, from 1.
    pub line: usize,
    /// Its lines, without the last newline.
    pub text: String,
    /// How alike: 0 to 1.
    pub ratio: f32,
    /// Whether only blanks and line breaks differ.
    pub only_blanks: bool,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotUtf8 { .. } => "replace the whole file with `write` or `graft`".to_owned(),
            Self::Count { found, nearest, .. } if found.is_empty() => return advice(nearest.as_ref()),
            Self::Count { found, .. } => {
                format!("give the anchor more of the lines around it, or say `count = {}`", found.len())
            }
            Self::Hunk { nearest, .. } | Self::Required { nearest, .. } => return advice(nearest.as_ref()),
            Self::Elsewhere { .. } => {
                "make the diff with `diff -u`, as many lines of context below as above, hunks in order"
                    .to_owned()
            }
            Self::Partial { .. } => "start from the unpatched file, or patch only what is missing".to_owned(),
            Self::Ambiguous { .. } => {
                "use a patch file with `applied = [\"…\"]` instead of a diff".to_owned()
            }
            Self::Repeats { .. } | Self::Unclear { .. } => {
                "add `applied = [\"…\"]` with a text that only the patched file has".to_owned()
            }
            Self::Overlap { .. } => "make one edit of the two".to_owned(),
            Self::Forbidden { .. } => "the patch is for another version of this file".to_owned(),
            Self::NotEnsured { .. } | Self::Left { .. } => "correct the edits, or the condition".to_owned(),
            Self::Python { parsed_before: false, .. } => {
                "the file did not parse before either: if it is no Python, say `python = false`".to_owned()
            }
            Self::Python { .. } => "the patch is for another version of this file, or is wrong".to_owned(),
        })
    }
}

fn advice(nearest: Option<&Nearest>) -> Option<String> {
    let Some(nearest) = nearest else {
        return Some("nothing in the file is like it: is it the right file?".to_owned());
    };
    let lines: Vec<String> = nearest.text.lines().map(|line| format!("    {line}")).collect();
    let how = if nearest.only_blanks { ", which differs only in blanks" } else { "" };
    Some(format!("the nearest text is at line {}{how}:\n{}", nearest.line, lines.join("\n")))
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn at_lines(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(10).map(ToString::to_string).collect();
    match lines.len() {
        0 => String::new(),
        1 => format!(" (line {})", shown[0]),
        2..=10 => format!(" (lines {})", shown.join(", ")),
        _ => format!(" (lines {}, …)", shown.join(", ")),
    }
}

fn parts(numbers: &[usize]) -> String {
    let shown: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let noun = if numbers.len() == 1 { "part" } else { "parts" };
    format!("{noun} {}", shown.join(", "))
}

const fn is(numbers: &[usize]) -> &'static str {
    if numbers.len() == 1 { "is there" } else { "are there" }
}
