//! HTTP, with a bound on every wait and every body. The only place of this module that names reqwest.

mod body;
mod classify;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::Url;
use reqwest::header::ACCEPT;
use reqwest::header::AUTHORIZATION;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderValue;
use serde_json::Value;
use tokio::time::Instant;

pub(super) use body::Body;

use crate::endpoint::error::Error;
use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;

/// The most bytes of an answer that is no stream.
const MAX_WHOLE: usize = 8 << 20;
/// The most bytes of a refusal that are read to be quoted.
const MAX_REFUSAL: usize = 64 << 10;

/// Whom to ask, and what to believe.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// `http://HOST:PORT` or `https://…`, with a path before `/v1` if there is one; a `/v1` at its end is dropped.
    pub url: String,
    /// Sent as a bearer token.
    pub key: Option<String>,
    /// PEM files with authorities to trust besides the system's.
    pub authorities: Vec<PathBuf>,
    /// Hosts whose certificate is not looked at.
    pub insecure: Vec<String>,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection: name, TCP and TLS together.
    pub connect: Duration,
    /// From the request to the answer's first byte.
    pub first: Duration,
    /// Between two pieces of an answer, whatever they hold.
    pub idle: Duration,
    /// From the request to the answer's end.
    pub whole: Duration,
}

impl Patience {
    /// `sign` without a sign of life is too long; a connection needs at most 10 seconds of it, the whole ten times it.
    #[must_use]
    pub fn of(sign: Duration) -> Self {
        let connect = sign.min(Duration::from_secs(10));
        Self { connect, first: sign, idle: sign, whole: sign.saturating_mul(10) }
    }
}

/// Asks one server.
#[derive(Debug, Clone)]
pub struct Client {
    /// Keeps connections, to use them again; none for who wants a new one each time.
    keeping: Option<reqwest::Client>,
    fresh: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    patience: Patience,
}

impl Client {
    /// Prepares to ask; nothing is sent yet. Connections are kept and used again.
    ///
    /// # Errors
    /// When the address, the key or a certificate file cannot be used.
    pub fn new(target: &Target, patience: Patience) -> Result<Self, Error> {
        let base = base(&target.url).ok_or_else(|| Error::Url { url: target.url.clone() })?;
        let bearer = |key: &String| {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| Error::Key)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let authorization = target.key.as_ref().map(bearer).transpose()?;
        let make = |keep| tls::client(target, &base, patience.connect, keep);
        let (keeping, fresh) = (Some(make(true)?), make(false)?);
        Ok(Self { keeping, fresh, base, authorization, patience })
    }

    /// The same with a new connection for each question.
    #[must_use]
    pub fn without_reuse(mut self) -> Self {
        self.keeping = None;
        self
    }

    /// The server's address, without `/v1`, a user's name or a password.
    #[must_use]
    pub fn address(&self) -> String {
        let mut shown = self.base.clone();
        // An address that takes neither is one that has neither.
        let _ = (shown.set_username(""), shown.set_password(None));
        shown.as_str().trim_end_matches('/').to_owned()
    }

    /// Reads a document below the address.
    ///
    /// # Errors
    /// Every failure up to [`Kind::TooLarge`].
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.exchange(self.request(&self.fresh, Method::GET, path)).await?.whole(MAX_WHOLE).await
    }

    /// Sends a JSON document; the answer has begun with a success when this returns.
    ///
    /// A server may close a connection that it kept open just when it is used again. The request is then sent once more,
    /// on a new one (RFC 9112, 9.3.1), and the answer says so.
    pub(super) async fn post(&self, path: &str, document: &Value) -> Result<Body, Failure> {
        let text = document.to_string();
        let request = |client| {
            let request = self.request(client, Method::POST, path);
            request.header(CONTENT_TYPE, "application/json").body(text.clone())
        };
        if let Some(keeping) = &self.keeping {
            match self.exchange(request(keeping)).await {
                Err(Failure { kind: Kind::Closed, .. }) => {}
                answer => return answer,
            }
        }
        let mut body = self.exchange(request(&self.fresh)).await?;
        body.again = self.keeping.is_some();
        Ok(body)
    }

    fn request(&self, client: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let request = client.request(method, url).header(ACCEPT, "application/json, text/event-stream");
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Body, Failure> {
        let deadline = Instant::now() + self.patience.whole;
        let patience = self.patience.connect.saturating_add(self.patience.first);
        let response = match tokio::time::timeout(patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(classify::failure(error, &self.patience)),
            Err(_) => {
                let detail = format!("none within {:?}", self.patience.first);
                return Err(Failure::new(Kind::FirstByteTimeout, detail));
            }
        };
        let status = response.status();
        if status.is_success() {
            return Ok(Body::new(response, self.patience, deadline));
        }
        Err(refusal(response, self.patience, deadline).await)
    }
}

/// A refusal in the server's words: those of its error object, or the beginning of whatever it sent.
async fn refusal(response: Response, patience: Patience, deadline: Instant) -> Failure {
    let status = response.status();
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    let location = location.map(|to| format!(" to `{to}`")).unwrap_or_default();
    let body = Body::new(response, patience, deadline).whole(MAX_REFUSAL).await.unwrap_or_default();
    let document: Option<Value> = serde_json::from_slice(&body).ok();
    let words = document.as_ref().and_then(|document| {
        let places = [&document["error"]["message"], &document["message"], &document["detail"]];
        places.into_iter().find_map(Value::as_str)
    });
    let words = words.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
    let separator = if words.trim().is_empty() { "" } else { ": " };
    Failure::new(Kind::Status(status.as_u16()), format!("{status}{location}{separator}{words}"))
}

/// The address that paths are put behind; `None` when it is none of HTTP.
fn base(text: &str) -> Option<Url> {
    let mut url: Url = text.parse().ok()?;
    // `http://https://h` is a slip, not a host of that name.
    if !matches!(url.scheme(), "http" | "https") || matches!(url.host_str(), None | Some("http" | "https")) {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
    url.set_path(&path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (text, want) in [
            ("http://h:8000", Some("http://h:8000/")),
            ("http://h:8000/v1/", Some("http://h:8000/")),
            ("https://h/a/v1", Some("https://h/a")),
            ("https://h/v1beta?x=1#y", Some("https://h/v1beta")),
            ("localhost:8000", None),
            ("ftp://h/", None),
            ("http://https://h:8000", None),
            ("", None),
        ] {
            assert_eq!(base(text).as_ref().map(Url::as_str), want, "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_password() {
        let target = Target { url: "http://me:secret@127.0.0.1:1/x".to_owned(), ..Target::default() };
        let client = Client::new(&target, Patience::of(Duration::from_secs(1))).unwrap();
        assert_eq!(client.address(), "http://127.0.0.1:1/x");
    }
}
