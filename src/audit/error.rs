//! Why no audit could be made.

use std::path::PathBuf;

use super::Policy;
use crate::finding::RecipeSpot;
use crate::hint::Hint;
use crate::loader::ObjectError;

/// Why no audit could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file's facts cannot be had.
    #[error("the audit could not look at a file")]
    Object(#[from] ObjectError),
    /// A pattern that is none, of an `allow` or a context.
    #[error("{}`{pattern}` is not a glob", place(spot.as_ref()))]
    Glob {
        /// The pattern.
        pattern: String,
        /// Where the recipe says so.
        spot: Option<RecipeSpot>,
        /// What is wrong with it.
        #[source]
        source: globset::Error,
    },
    /// No policy has this name.
    #[error("{}there is no policy `{name}`", place(spot.as_ref()))]
    NoPolicy {
        /// The name.
        name: String,
        /// Where the recipe says so.
        spot: Option<RecipeSpot>,
    },
    /// A level for a check that is not there.
    #[error("{}there is no check `{id}`", place(spot.as_ref()))]
    NoCheck {
        /// The id.
        id: String,
        /// Where the recipe says so.
        spot: Option<RecipeSpot>,
    },
    /// A file that the audit was told to read.
    #[error("cannot read `{}`", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A policy file that is none.
    #[error("`{}` is not a policy", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A baseline that is none.
    #[error("`{}` is not a report", path.display())]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// `FILE:LINE:COLUMN: `, where there is one.
fn place(spot: Option<&RecipeSpot>) -> String {
    spot.map(|spot| format!("{}:{}:{}: ", spot.file, spot.line, spot.column)).unwrap_or_default()
}

impl Error {
    /// Whether the recipe or the command line is at fault, and not the world.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Object(_))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Object(error) => return error.hint(),
            Self::Glob { .. } => "`*` stands for anything but `/`, `**` for anything".to_owned(),
            Self::NoPolicy { .. } => {
                let names: Vec<String> = Policy::names().map(|name| format!("`{name}`")).collect();
                format!("there are {}; a file has a `/` or ends in `.toml`", names.join(", "))
            }
            Self::NoCheck { .. } => "list them: `imgforge explain`".to_owned(),
            Self::Unread { .. } => "check the path".to_owned(),
            Self::Policy { .. } => {
                "it has `summary`, and of `versions`, `also`, `libraries` and `levels` what is needed"
                    .to_owned()
            }
            Self::Baseline { .. } => {
                "make one with `--write-baseline FILE` or `--report json=FILE`".to_owned()
            }
        })
    }
}
