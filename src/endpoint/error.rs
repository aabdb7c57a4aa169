//! What keeps a question from being asked at all. What goes wrong with an answer is a value: [`Failure`].
//!
//! [`Failure`]: crate::endpoint::Failure

use std::io;
use std::path::PathBuf;

use crate::hint::Hint;

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none, or none of HTTP.
    #[error("`{url}` is no address of an HTTP server")]
    Url {
        /// As it was written.
        url: String,
    },
    /// The key has characters that no header can carry.
    #[error("the API key has characters that no HTTP header can carry")]
    Key,
    /// A file with certificates.
    #[error("cannot use `{path}` as certificates")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The HTTP client could not be made: there are no certificates on this machine at all.
    #[error("cannot speak HTTP")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No threads.
    #[error("cannot start threads to ask with")]
    Runtime(#[source] io::Error),
    /// A file of prompts that cannot be used.
    #[error("cannot use `{path}` as prompts: {problem}")]
    Prompts {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        problem: String,
    },
    /// A file of an earlier run that cannot be used.
    #[error("cannot use `{path}` as the result of a run: {problem}")]
    Result {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// Whether the command line is at fault, and not the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Runtime(_))
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Url { .. } => {
                "write it as `http://HOST:PORT` or `https://HOST`, with or without `/v1`; what runs on a cluster is `deploy/NAME`"
            }
            Self::Key => "look at the variable that `--api-key-env` names: it may end in a line break",
            Self::Certificates { .. } => "name a PEM file that begins with `-----BEGIN CERTIFICATE-----`",
            Self::Client(_) => "install the package `ca-certificates`, or name a file with `--ca-cert`",
            Self::Runtime(_) => "raise the limit of processes: `ulimit -u`",
            Self::Prompts { .. } => "write a prompt a line, or a JSON object with `prompt` a line",
            Self::Result { .. } => "make one with `imgforge bench URL --format json > FILE`",
        };
        Some(text.to_owned())
    }
}
