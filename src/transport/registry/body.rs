//! Bodies that are read whole: documents, tokens, error texts. Always within a bound.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::transport::error::Error;
use crate::transport::registry::response::Response;

/// The most bytes that a token answer or an error text may have.
pub(super) const MAX_TALK: u64 = 1 << 20;

/// How much of a server's words is shown.
const SHOWN: usize = 300;

/// Why a body could not be read whole.
#[derive(Debug)]
pub(super) enum Trouble {
    /// More than the bound. Nothing past it was taken in.
    TooLarge,
    /// The connection broke.
    Cut(reqwest::Error),
    /// Nothing came for the idle time.
    Silence,
}

/// Reads at most `limit` bytes; stops at the first byte too many.
pub(super) async fn bounded(mut response: Response, limit: u64, idle: Duration) -> Result<Vec<u8>, Trouble> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(Trouble::TooLarge);
    }
    let mut bytes = Vec::new();
    loop {
        let chunk = tokio::time::timeout(idle, response.chunk()).await;
        match chunk.map_err(|_| Trouble::Silence)?.map_err(Trouble::Cut)? {
            None => return Ok(bytes),
            Some(chunk) if (bytes.len() + chunk.len()) as u64 > limit => return Err(Trouble::TooLarge),
            Some(chunk) => bytes.extend_from_slice(&chunk),
        }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Turns a refusal into the error it means. `what` is the thing that was asked for.
pub(super) async fn refusal(response: Response, place: &str, what: &str, idle: Duration) -> Error {
    let status = response.status();
    let text = match bounded(response, MAX_TALK, idle).await {
        Ok(bytes) => words(&bytes),
        Err(Trouble::TooLarge) => "(an error text of more than 1 MiB)".to_owned(),
        Err(Trouble::Cut(_) | Trouble::Silence) => String::new(),
    };
    let message = if text.is_empty() {
        status.canonical_reason().unwrap_or("no reason given").to_owned()
    } else {
        text
    };
    let place = place.to_owned();
    match status {
        StatusCode::NOT_FOUND => Error::NotFound { what: what.to_owned(), place },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied { place, message },
        _ => Error::Refused { place, status: status.as_u16(), message },
    }
}

/// The registry's own words: its error list, or the beginning of whatever it sent.
fn words(bytes: &[u8]) -> String {
    let text = serde_json::from_slice::<Errors>(bytes).map_or_else(
        |_| String::from_utf8_lossy(bytes).into_owned(),
        |list| {
            let lines = list.errors.iter().map(|error| match error.message.as_str() {
                "" => error.code.clone(),
                message => format!("{}: {message}", error.code),
            });
            lines.collect::<Vec<_>>().join("; ")
        },
    );
    let clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t33_the_registrys_own_words_are_kept() {
        let json = br#"{"errors":[{"code":"DENIED","message":"no","detail":{}},{"code":"X"}]}"#;
        assert_eq!(words(json), "DENIED: no; X");
        assert_eq!(words(b"<html>\n <b>502</b>\x1b[31m"), "<html> <b>502</b>[31m");
        assert_eq!(words(&vec![b'a'; 5000]).len(), SHOWN);
    }
}
