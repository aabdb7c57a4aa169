//! From what happened to an exit code and a message.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use crate::build;
use crate::deploy::cluster;
use crate::endpoint;
use crate::hint::Hint;
use crate::recipe;
use crate::report::human::escape;

/// How a command ended when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing at or over the gate: exit 0.
    Clean,
    /// Findings at or over the gate, or a server that answers wrongly: exit 1.
    Findings,
    /// A server that cannot be reached: exit 3; told already.
    Unreachable,
    /// Ended by a signal, with the results so far: exit 130.
    Interrupted,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line: exit 2.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// The library: exit 2 when the recipe is at fault, else 3.
    #[error(transparent)]
    Build(#[from] build::Error),
    /// A cluster: exit 3.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// A served model could not be asked: exit 2 or 3.
    #[error(transparent)]
    Endpoint(#[from] endpoint::Error),
    /// A file that the user asked to be written: exit 3.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Standard output was closed or is full: exit 3, quietly when it was closed.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Failure {
    /// A mistake on the command line.
    #[must_use]
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Build(error) if error.is_usage() => 2,
            Self::Endpoint(error) if error.is_usage() => 2,
            Self::Build(_) | Self::Cluster(_) | Self::Endpoint(_) | Self::File { .. } | Self::Output(_) => 3,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Build(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::Endpoint(error) => error.hint(),
            Self::File { .. } | Self::Output(_) => None,
        }
    }
}

/// What can be done about a failure of this machine that nobody closer to it knows better about.
fn machine_hint(failure: &Failure) -> Option<&'static str> {
    let causes = std::iter::successors(std::error::Error::source(failure), |error| error.source());
    let kinds = causes.filter_map(|error| error.downcast_ref::<io::Error>().map(io::Error::kind));
    Some(match kinds.last()? {
        io::ErrorKind::NotFound if matches!(failure, Failure::File { action: "read", .. }) => {
            "check the path"
        }
        io::ErrorKind::NotFound => "check the path; a directory to write into must be there already",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "name a place that you may use, or ask for access to this one"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, or name another place; finished blobs are kept for the next run"
        }
        io::ErrorKind::IsADirectory => "name a file, not a directory",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something on the way is a file: name another place"
        }
        _ => return None,
    })
}

/// Why, from the outside in. Of a place that cannot be reached only the innermost cause is news: the layers of
/// an HTTP client in between say nothing.
fn causes(failure: &Failure) -> Vec<String> {
    let causes = std::iter::successors(std::error::Error::source(failure), |error| error.source());
    let mut texts: Vec<String> = causes.map(|error| escape(error.to_string().trim_end())).collect();
    let unreachable = matches!(
        failure,
        Failure::Build(build::Error::Transport(crate::transport::error::Error::Unreachable { .. }))
    );
    if unreachable && texts.len() > 1 {
        texts.drain(..texts.len() - 1);
    }
    texts.dedup();
    texts
}

macro_rules! from_library {
    ($($error:ty),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Build(error.into())
            }
        }
    )* };
}

from_library!(
    crate::transport::error::Error,
    crate::store::Error,
    crate::edit::Error,
    recipe::Error,
    recipe::lockfile::Error
);

/// Turns the end of a command into an exit code; failures are told on standard error.
#[must_use]
pub fn finish(result: Result<Outcome, Failure>, color: bool) -> ExitCode {
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Unreachable) => ExitCode::from(3),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        // `imgforge ls … | head`: the reader has what it wanted.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be done when standard error is closed too.
            drop(tell(&failure, color));
            ExitCode::from(failure.code())
        }
    }
}

fn tell(failure: &Failure, color: bool) -> io::Result<()> {
    let mut out = io::stderr().lock();
    if let Failure::Build(
        build::Error::Recipe(error) | build::Error::Edit(crate::edit::Error::PatchFile(error)),
    ) = failure
    {
        return write!(out, "{}", error.render(color));
    }
    let label = if color { "\x1b[1;31merror\x1b[0m" } else { "error" };
    writeln!(out, "{label}: {}", escape(&failure.to_string()))?;
    if let Failure::Build(build::Error::Edit(error)) = failure
        && let Some(spot) = error.spot()
    {
        writeln!(out, "  --> {}:{}:{}", spot.file, spot.line, spot.column)?;
    }
    for cause in causes(failure) {
        writeln!(out, "  because: {cause}")?;
    }
    match failure.hint().or_else(|| machine_hint(failure).map(str::to_owned)) {
        Some(hint) => writeln!(out, "\nhint: {}", escape(&hint)),
        None => Ok(()),
    }
}
