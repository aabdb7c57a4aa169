//! The credential helper protocol: `docker-credential-NAME get`, the registry on stdin, JSON on stdout.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use serde::Deserialize;

use crate::transport::credentials::Credential;
use crate::transport::credentials::Problem;
use crate::transport::credentials::Secret;

/// The name under which a helper hands out a refresh token instead of a password.
pub(super) const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper `name` about `server`. A helper that knows nothing of the server gives `None`.
pub(super) fn get(name: &str, server: &str) -> Result<Option<Credential>, Problem> {
    let program = format!("docker-credential-{name}");
    let no_helper = |source| Problem::NoHelper { program: program.clone(), source };
    if name.contains(['/', '\\']) {
        return Err(no_helper(std::io::ErrorKind::InvalidInput.into()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(no_helper)?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that answers without reading closes the pipe: that is its right.
        let _ = input.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(no_helper)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return match text.trim() {
            "" => Err(refusal(&program, format!("it ended with {}", output.status))),
            // The protocol's fixed sentence for `not there`.
            text if text.contains("credentials not found") => Ok(None),
            text => Err(refusal(&program, text.chars().take(200).collect())),
        };
    }
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|_| refusal(&program, "what it printed is not the JSON of the protocol".to_owned()))?;
    let secret = Secret::new(answer.secret);
    Ok(match answer.username.as_str() {
        _ if secret.expose().is_empty() => None,
        TOKEN_USER => Some(Credential::Identity(secret)),
        user => Some(Credential::Password { user: user.to_owned(), password: secret }),
    })
}

fn refusal(program: &str, message: String) -> Problem {
    Problem::Helper { program: program.to_owned(), message }
}
