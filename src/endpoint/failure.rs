//! What can go wrong between a question and its answer: one kind for each thing that a person would do next.

use std::fmt;

/// Longest part of a server's words that is kept, in characters.
const SHOWN: usize = 300;

/// Why a question has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{detail}", kind.says(), if detail.is_empty() { "" } else { ": " })]
pub struct Failure {
    /// What it is.
    pub kind: Kind,
    /// What is known of this one: the server's words, cut and without control characters.
    pub detail: String,
}

/// The kinds of failure, in the order of a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The name of the host is not known.
    Dns,
    /// Nothing listens on the port.
    Refused,
    /// The two sides do not agree on a secure connection.
    Tls,
    /// No connection in time.
    ConnectTimeout,
    /// No connection for another reason.
    Unreachable,
    /// Connected, but the answer did not begin in time.
    FirstByteTimeout,
    /// The answer began and then nothing came for too long.
    IdleTimeout,
    /// The answer came on and on.
    Deadline,
    /// The connection ended before the answer began.
    Closed,
    /// An HTTP status that is no success.
    Status(u16),
    /// The answer is not of the kind that was asked for.
    ContentType,
    /// The answer, or a line of it, is larger than any sane one.
    TooLarge,
    /// The answer is not JSON.
    NotJson,
    /// JSON, but not of the shape that the API has.
    WrongShape,
    /// `choices` is empty.
    NoChoices,
    /// Well-formed, and not one token in it.
    NoTokens,
    /// The stream broke off before the model had finished.
    Cut,
    /// The stream ended after the model had finished, without `[DONE]`.
    NoDone,
    /// An event of the stream cannot be read.
    MalformedEvent,
    /// The server reports an error inside an answer.
    ErrorEvent,
    /// The model is not among those that are served.
    ModelNotServed,
}

impl Kind {
    /// The kind as documents name it.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Self::Status(code) => format!("status-{code}"),
            kind => kind.name().to_owned(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::ConnectTimeout => "connect-timeout",
            Self::Unreachable => "unreachable",
            Self::FirstByteTimeout => "first-byte-timeout",
            Self::IdleTimeout => "idle-timeout",
            Self::Deadline => "deadline",
            Self::Closed => "closed",
            Self::Status(_) => "status",
            Self::ContentType => "content-type",
            Self::TooLarge => "too-large",
            Self::NotJson => "not-json",
            Self::WrongShape => "wrong-shape",
            Self::NoChoices => "no-choices",
            Self::NoTokens => "no-tokens",
            Self::Cut => "cut",
            Self::NoDone => "no-done",
            Self::MalformedEvent => "malformed-event",
            Self::ErrorEvent => "error-event",
            Self::ModelNotServed => "model-not-served",
        }
    }

    /// Whether there was no connection to a server at all.
    #[must_use]
    pub const fn is_unreachable(self) -> bool {
        matches!(self, Self::Dns | Self::Refused | Self::Tls | Self::ConnectTimeout | Self::Unreachable)
    }

    const fn says(self) -> &'static str {
        match self {
            Self::Dns => "the name of the host is not known",
            Self::Refused => "connection refused",
            Self::Tls => "no secure connection",
            Self::ConnectTimeout => "no connection in time",
            Self::Unreachable => "no connection",
            Self::FirstByteTimeout => "connected, but the answer did not begin in time",
            Self::IdleTimeout => "the answer stopped coming",
            Self::Deadline => "the answer did not end in time",
            Self::Closed => "the connection was closed before an answer",
            Self::Status(_) => "the server refused",
            Self::ContentType => "the answer is of another kind",
            Self::TooLarge => "the answer is larger than is sane",
            Self::NotJson => "the answer is not JSON",
            Self::WrongShape => "the answer does not have the shape of the API",
            Self::NoChoices => "`choices` is empty",
            Self::NoTokens => "the answer has no tokens",
            Self::Cut => "the stream was cut",
            Self::NoDone => "the stream ended without `[DONE]`",
            Self::MalformedEvent => "an event of the stream cannot be read",
            Self::ErrorEvent => "the server reports an error in its answer",
            Self::ModelNotServed => "the model is not served",
        }
    }

    /// What to look at next.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Dns => "check the host; outside the cluster, `kubectl port-forward` and ask localhost",
            Self::Refused => "check that the server is up and the port right: `kubectl get pods,svc`",
            Self::Tls => "check http or https; a private authority is named with `--ca-cert`",
            Self::ConnectTimeout => "a firewall or security group may drop the packets",
            Self::Unreachable => "check the address and the network between",
            Self::FirstByteTimeout => {
                "the model may still load, or prefill may wait for decode: read the workers' logs, or raise `--timeout`"
            }
            Self::IdleTimeout | Self::Cut => {
                "a worker may have died: read its log; a proxy may cut long answers"
            }
            Self::Deadline => "ask for fewer tokens, or raise `--timeout`",
            Self::Closed => "the frontend may have restarted: `kubectl logs --previous`",
            Self::Status(401 | 403) => "name the variable that holds the key with `--api-key-env`",
            Self::Status(404) => "check the path before `/v1`, and that this server has the route",
            Self::Status(429) => "the server has a limit: ask less often",
            Self::Status(503) => "no worker may be registered yet: read the frontend's log",
            Self::Status(500..) => "read the log of the frontend, then of the workers",
            Self::Status(_) => "the server's words say what it did not like",
            Self::ContentType | Self::NotJson => "something else may answer there: a proxy, a login page",
            Self::TooLarge => "look at it with `curl | head -c 4096`",
            Self::WrongShape | Self::NoChoices => "compare the server's version with the API that it claims",
            Self::NoTokens => "the model may end at once: try another prompt, or look at its chat template",
            Self::NoDone | Self::MalformedEvent => "a proxy may rewrite the stream: ask the server directly",
            Self::ErrorEvent => "the words are the server's own: read its log",
            Self::ModelNotServed => "take one of those that are, with `--model`",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.id())
    }
}

impl Failure {
    /// A failure with what is known of it; the text may be the server's.
    #[must_use]
    pub fn new(kind: Kind, detail: impl AsRef<str>) -> Self {
        Self { kind, detail: excerpt(detail.as_ref()) }
    }
}

/// The beginning of a foreign text on one line, without what could steer a terminal.
#[must_use]
pub fn excerpt(text: &str) -> String {
    // Only so much is looked at that a large body costs nothing.
    let start: String = text.chars().take(8 * SHOWN).collect();
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = words.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if words.chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_are_short_and_harmless() {
        assert_eq!(excerpt("<html>\n <b>502</b>\x1b[31m"), "<html> <b>502</b>[31m");
        assert_eq!(excerpt(&"ä".repeat(5000)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn a_status_is_a_kind_of_its_own() {
        assert_eq!(Kind::Status(429).id(), "status-429");
        let failure = Failure::new(Kind::Status(503), "503 Service Unavailable: no worker");
        assert_eq!(failure.to_string(), "the server refused: 503 Service Unavailable: no worker");
        assert_eq!(Failure::new(Kind::NoDone, "").to_string(), "the stream ended without `[DONE]`");
    }
}
