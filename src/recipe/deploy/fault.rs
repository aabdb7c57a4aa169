//! What can be wrong in `[deploy]`, in words.

use crate::hint::Hint;

/// One thing that Kubernetes would refuse, or that cannot be handed over.
#[derive(Debug, thiserror::Error)]
pub enum DeployFault {
    /// No name of an object.
    #[error("`{0}` is not a name that Kubernetes takes")]
    Name(String),
    /// No quantity.
    #[error("`{0}` is not a quantity")]
    Quantity(String),
    /// No version.
    #[error("`{0}` is not a version")]
    Version(String),
    /// No name of a repository, or one with a tag or digest.
    #[error("`{0}` is not a repository")]
    Repository(String),
    /// No value of a label.
    #[error("`{0}` is not an instance type")]
    Instance(String),
    /// A relative path.
    #[error("`{0}` is not an absolute path")]
    Path(String),
    /// A number that makes no sense.
    #[error("{found} is not between {least} and {most}")]
    Range {
        /// As written.
        found: i64,
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// TOML has dates, YAML files of engines do not.
    #[error("`{0}` has a date, which no engine takes")]
    Date(String),
}

impl Hint for DeployFault {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Name(_) => {
                "use at most 63 lower-case letters, digits and `-`, with a letter first and no `-` last"
            }
            Self::Quantity(_) => "write it as Kubernetes does: `16`, `500m`, `64Gi`, `5120Mi`",
            Self::Version(_) => "write three numbers, such as `0.7.0`",
            Self::Repository(_) => {
                "write host and name only: the digest comes from the lock file, `--digest` or `--receipt`"
            }
            Self::Instance(_) => "write it as the cloud does, such as `p5.48xlarge`",
            Self::Path(_) => "begin it with `/`",
            Self::Range { .. } => "write a number in that range",
            Self::Date(_) => "write it as a string",
        };
        Some(advice.to_owned())
    }
}
