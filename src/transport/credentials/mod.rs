//! Credentials as Docker and Podman keep them (containers-auth.json(5), `docker-credential-helpers`).
//!
//! Knows nothing of HTTP, and does not know where the files are: the command line says so.

mod file;
mod helper;

use std::fmt;
use std::path::PathBuf;

/// Where to look for credentials, best first. A file that is not there is passed over.
#[derive(Debug, Clone, Default)]
pub struct CredentialPlaces {
    /// Files of the `config.json` and `auth.json` kind, in the order in which they are asked.
    pub files: Vec<PathBuf>,
    /// Credentials that were given outright, for every registry; they come before all files.
    pub given: Option<Credential>,
    /// Asks nobody: every registry is met without a name.
    pub anonymous: bool,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, to be put into a request and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What one registry wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password (or what stands for one: NGC's user is literally `$oauthtoken`).
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, to be exchanged at the registry's token server.
    Identity(Secret),
    /// A token that the registry itself takes, as it is.
    Bearer(Secret),
}

/// What a search brought.
#[derive(Debug, Default)]
pub struct Found {
    /// The credential, when there is one.
    pub credential: Option<Credential>,
    /// What could not be read on the way. Docker goes on without such a file, and so does imgforge:
    /// the text is shown only when access is then denied. Never holds a secret.
    pub problems: Vec<String>,
}

impl CredentialPlaces {
    /// Looks for the credential of `repository` at `host`. Reads files and runs credential helpers: it may block.
    #[must_use]
    pub fn find(&self, host: &str, repository: &str) -> Found {
        let mut found = Found::default();
        if self.anonymous {
            return found;
        }
        if self.given.is_some() {
            found.credential.clone_from(&self.given);
            return found;
        }
        for path in &self.files {
            match file::find(path, host, repository) {
                Ok(None) => {}
                Ok(credential) => {
                    found.credential = credential;
                    break;
                }
                Err(problem) => found.problems.push(problem.to_string()),
            }
        }
        found
    }
}

/// Why one place gave no answer.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    // The parser's own message is left out: it may quote what it stumbled over.
    #[error("`{}` is not a configuration: line {line}, column {column}", path.display())]
    Malformed { path: PathBuf, line: usize, column: usize },
    #[error("`{}` holds an `auth` for `{key}` that is not base64 of `user:password`", path.display())]
    Auth { path: PathBuf, key: String },
    #[error("cannot run `{program}`: {source}")]
    NoHelper { program: String, source: std::io::Error },
    #[error("`{program}` gave no credential: {message}")]
    Helper { program: String, message: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t41_secrets_are_not_printed() {
        let credential =
            Credential::Password { user: "alice".to_owned(), password: Secret::new("s3cret".to_owned()) };
        let places = CredentialPlaces { given: Some(credential), ..CredentialPlaces::default() };
        let shown = format!("{places:?} {:?}", places.find("h", "r"));
        assert!(shown.contains("alice") && !shown.contains("s3cret"), "{shown}");
    }
}
