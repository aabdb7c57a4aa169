//! What can be wrong with a recipe or a patch file, in words.

use std::path::PathBuf;

use crate::hint::Hint;
use crate::oci::path::PathError;
use crate::oci::platform::PlatformError;
use crate::oci::reference::ReferenceError;
use crate::recipe::DeployFault;

/// One thing that is wrong in a document. The place is beside it, in [`super::error::Problem`].
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// A key that means nothing here.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The keys that may stand here.
        known: Vec<String>,
    },
    /// A value of another type.
    #[error("expected {want}, found {found}")]
    WrongType {
        /// The type that belongs here, with its article.
        want: String,
        /// The type that stands here, with its article.
        found: String,
    },
    /// A key that must be there.
    #[error("missing key `{0}`")]
    MissingKey(String),
    /// A word that is none of the words allowed here.
    #[error("`{found}` is not allowed here")]
    NotAmong {
        /// The word as written.
        found: String,
        /// The words that may stand here.
        known: Vec<String>,
    },
    /// None, or more than one, of keys that exclude each other.
    #[error("{what} needs exactly one of {}; found {}", list(known, "or"), list(found, "and"))]
    NotExactlyOne {
        /// What it is about, with its article.
        what: &'static str,
        /// The keys that may stand here.
        known: Vec<String>,
        /// Those that do.
        found: Vec<String>,
    },
    /// A grammar that this version does not read.
    #[error("schema {0} is not known to this version")]
    Schema(String),
    /// `{name}` without a variable of that name.
    #[error("unknown variable `{name}`")]
    UnknownVariable {
        /// The name between the braces.
        name: String,
        /// The variables there are.
        known: Vec<String>,
    },
    /// A brace that begins or ends nothing.
    #[error("a single `{0}` in a string")]
    Brace(char),
    /// `--var` for a variable that the recipe does not have.
    #[error("`--var {name}`: the recipe has no such variable")]
    UnknownOption {
        /// The name given.
        name: String,
        /// The variables there are.
        known: Vec<String>,
    },
    /// A variable that no string uses.
    #[error("variable `{0}` is never used")]
    UnusedVariable(String),
    /// A source that no step uses.
    #[error("source `{0}` is never used")]
    UnusedSource(String),
    /// A graft from a source that is not there.
    #[error("unknown source `{name}`")]
    UnknownSource {
        /// The name as written.
        name: String,
        /// The sources there are.
        known: Vec<String>,
    },
    /// Two steps that write one path.
    #[error("two steps write `{0}`")]
    TwoSteps(String),
    /// No image reference.
    #[error(transparent)]
    Image(#[from] ReferenceError),
    /// No platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// No path in an image.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A step on the root directory itself.
    #[error("the path is the root of the image")]
    RootPath,
    /// An absolute path where one relative to `root` is needed.
    #[error("`{0}` is absolute, but files of a graft are relative to its `root`")]
    AbsoluteFile(String),
    /// A text that must not be empty or blank.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// No glob.
    #[error("`{pattern}` is not a glob: {reason}")]
    Glob {
        /// As written.
        pattern: String,
        /// What the glob parser says.
        reason: String,
    },
    /// No regular expression.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// A group that the regular expression does not have.
    #[error("the new text uses group `{0}`, which the regular expression does not have")]
    Group(String),
    /// A number below the least that makes sense.
    #[error("`{0}` must be at least 1")]
    TooSmall(&'static str),
    /// A unified diff that is none, or asks for more than a change of text.
    #[error("not a diff that can be applied: {0}")]
    Diff(&'static str),
    /// No mode.
    #[error("`{0}` is not a mode")]
    Mode(String),
    /// No owner.
    #[error("`{0}` is not an owner")]
    Owner(String),
    /// A name that no environment can hold.
    #[error("`{0}` is not a name of an environment variable")]
    EnvName(String),
    /// Something that cannot be unset.
    #[error("`{0}` cannot be unset")]
    Unset(String),
    /// No GPU architecture.
    #[error("`{0}` is not a GPU architecture")]
    Gpu(String),
    /// A context that says nothing of the process.
    #[error("the context names neither a program nor what it has opened")]
    EmptyContext,
    /// Something in `[deploy]` that Kubernetes would refuse.
    #[error(transparent)]
    Deploy(#[from] DeployFault),
    /// A file of this machine that is not there.
    #[error("no file `{}`", .0.display())]
    MissingFile(PathBuf),
}

impl Hint for Fault {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, known } => suggest(key, known, "the keys here are"),
            Self::NotAmong { found, known } => {
                suggest(found, known, "").or_else(|| Some(format!("write {}", list(known, "or"))))
            }
            Self::UnknownVariable { name, known } if known.is_empty() => {
                Some(format!("declare it under `[vars]`, or write `{{{{{name}}}}}` for literal braces"))
            }
            Self::UnknownVariable { name, known } => suggest(name, known, "the variables are"),
            Self::UnknownOption { known, .. } if known.is_empty() => {
                Some("it has no variables at all: take the option away".to_owned())
            }
            Self::UnknownOption { name, known } => suggest(name, known, "the variables are"),
            Self::UnknownSource { known, .. } if known.is_empty() => {
                Some("add it: `[sources.NAME]` with `image = \"…\"`".to_owned())
            }
            Self::UnknownSource { name, known } => suggest(name, known, "the sources are"),
            Self::Image(error) => error.hint(),
            Self::Platform(error) => error.hint(),
            Self::Path(error) => error.hint(),
            Self::Deploy(fault) => fault.hint(),
            _ => self.advice().map(str::to_owned),
        }
    }
}

impl Fault {
    /// Advice that does not depend on what was written.
    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Schema(_) => "write `schema = 1`, or use the version of imgforge that the recipe is for",
            Self::Brace('{') => "write `{{` for a literal brace, or `{name}` for a variable",
            Self::Brace(_) => "write `}}` for a literal brace",
            Self::NotExactlyOne { what: "a step", found, .. } if !found.is_empty() => {
                "begin each step with a `[[step]]` of its own"
            }
            Self::NotExactlyOne { .. } => "write one of them",
            Self::UnusedVariable(_) | Self::UnusedSource(_) => "take it away, or use it",
            Self::TwoSteps(_) => {
                "let one step do it: what the image would hold must not depend on their order"
            }
            Self::RootPath => "name something below `/`",
            Self::AbsoluteFile(_) => "write what follows the root",
            Self::Empty("the list of files") => "name at least one",
            Self::Empty(_) => "say it in a few words",
            Self::Mode(_) => "write it as a string of three or four octal digits, such as `\"0755\"`",
            Self::Owner(_) => "write numbers: `\"uid:gid\"`, such as `\"1000:0\"`",
            Self::EnvName(_) => "use letters, digits and `_`",
            Self::Unset(_) => "name `env:NAME`, `label:NAME`, `cmd`, `entrypoint`, `user` or `workdir`",
            Self::Gpu(_) => "write it as nvcc does, such as `sm_90` or `sm_90a`",
            Self::EmptyContext => "add `executable`, `preload` or `preload_global`",
            Self::MissingFile(_) => "paths of this machine are relative to the file that names them",
            Self::Group(_) => "name a group as `(?P<name>…)`, or write `$${` for a literal `${`",
            _ => return None,
        })
    }
}

/// The nearest of the known words when one is near enough, else all of them.
fn suggest(word: &str, known: &[String], all: &str) -> Option<String> {
    match nearest(word, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() || all.is_empty() => None,
        None => Some(format!("{all} {}", list(known, "and"))),
    }
}

/// The known word that a slip of the keyboard would turn into `word`, if any.
pub(crate) fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    let mut best: Option<(f32, &'a str)> = None;
    for other in known {
        let ratio = similar::TextDiff::from_chars(word, other.as_str()).ratio();
        if ratio >= 0.6 && best.is_none_or(|(most, _)| ratio > most) {
            best = Some((ratio, other));
        }
    }
    best.map(|(_, other)| other)
}

/// "`a`, `b` and `c`".
fn list(words: &[String], last: &str) -> String {
    match words {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [init @ .., end] => {
            let init: Vec<String> = init.iter().map(|word| format!("`{word}`")).collect();
            format!("{} {last} `{end}`", init.join(", "))
        }
    }
}
