//! The request for a part of a blob, and whether the answer is that part.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::ACCEPT;
use reqwest::header::CONTENT_RANGE;
use reqwest::header::HeaderMap;
use reqwest::header::RANGE;

use crate::oci::Descriptor;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::client::Client;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::response::Response;
use crate::transport::registry::route::Route;
use crate::transport::registry::wire::Request;

/// A transfer of the bytes of one descriptor, from `position` to `end`.
#[derive(Clone)]
pub(super) struct Download {
    pub(super) client: Arc<Client>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) scope: Scope,
    pub(super) url: Url,
    pub(super) descriptor: Descriptor,
    pub(super) position: u64,
    /// Exclusive; never more than the descriptor's size.
    pub(super) end: u64,
    /// What a document may be; empty for a blob. distribution 2.8 hides an OCI document from who does not accept it.
    pub(super) accept: String,
    pub(super) route: Arc<Route>,
}

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) response: Response,
    /// Bytes that came and were not wanted yet.
    pub(super) rest: Bytes,
    /// How many of the next bytes are not wanted.
    pub(super) skip: u64,
    /// It is the whole blob, whatever was asked for.
    pub(super) whole: bool,
}

impl Download {
    /// Takes the next `size` bytes off, to be transferred apart.
    pub(super) fn split(&mut self, size: u64) -> Self {
        let end = self.position.saturating_add(size).min(self.end);
        let piece = Self { end, ..self.clone() };
        self.position = end;
        piece
    }

    pub(super) const fn is_done(&self) -> bool {
        self.position >= self.end
    }

    /// Whether less than the rest of the blob is wanted.
    pub(super) const fn ends_early(&self) -> bool {
        self.end < self.descriptor.size
    }

    /// Asks for the bytes from `position` to `end`. A server that ignores the range starts anew: what is known is
    /// skipped, never appended twice (T34). Whether it says `Accept-Ranges` does not matter: of eight large
    /// registries all had ranges and six did not say so (stereoscope #695).
    pub(super) async fn start(&self) -> Result<Stream, Error> {
        if let Some(stream) = self.route.unpark(self.position) {
            return Ok(stream);
        }
        let mut request = Request::new(Method::GET, self.url.clone());
        if !self.accept.is_empty() {
            request = request.header(ACCEPT, &self.accept);
        }
        if self.position > 0 || self.ends_early() {
            // A closed range: some registries answer 416 to an open one.
            let last = self.end.saturating_sub(1);
            request = request.header(RANGE, &format!("bytes={}-{last}", self.position));
        }
        let response = self.ask(&request).await?;
        match response.status() {
            StatusCode::OK => self.whole(response),
            StatusCode::PARTIAL_CONTENT => self.part(response),
            // Its body may be shorter than it says (distribution 2.8.2): it is not read.
            StatusCode::RANGE_NOT_SATISFIABLE => Err(self.broken(format!(
                "no bytes after {} of {} of `{}`",
                self.position, self.descriptor.size, self.descriptor.digest
            ))),
            _ => {
                let what = self.descriptor.digest.to_string();
                Err(self.client.refusal(&self.endpoint, &self.scope, response, &what).await)
            }
        }
    }

    /// Asks the storage host where one is known, else the registry, which may know a new one. While nobody knows
    /// where the blob is, one request finds out and the others wait.
    async fn ask(&self, request: &Request) -> Result<Response, Error> {
        if let Some(response) = self.ask_storage(request).await {
            return Ok(response);
        }
        let turn = self.route.turn().await;
        if turn.is_some()
            && let Some(response) = self.ask_storage(request).await
        {
            return Ok(response);
        }
        let response = self.client.send(&self.endpoint, &self.scope, request).await?;
        if serves(response.status()) {
            self.route.learn(&self.endpoint.base, response.url());
        }
        Ok(response)
    }

    /// The answer of the storage host, if it still serves: a signature that ran out is a 401 here, a 403, 404 or 410
    /// there, so anything else than the bytes sends us back to the registry. It never sees the `Authorization`.
    async fn ask_storage(&self, request: &Request) -> Option<Response> {
        let url = self.route.storage()?;
        let moved = Request { url: url.clone(), ..request.clone() };
        match self.client.send(&self.endpoint, &self.scope, &moved).await {
            Ok(response) if serves(response.status()) => Some(response),
            Ok(_) | Err(_) => {
                self.route.forget(&url);
                None
            }
        }
    }

    fn whole(&self, response: Response) -> Result<Stream, Error> {
        let size = self.descriptor.size;
        match response.content_length() {
            Some(length) if length != size => {
                Err(self.broken(format!("{length} bytes instead of {size} of `{}`", self.descriptor.digest)))
            }
            _ => Ok(Stream { response, rest: Bytes::new(), skip: self.position, whole: true }),
        }
    }

    fn part(&self, response: Response) -> Result<Stream, Error> {
        let fits = content_range(response.headers()).is_some_and(|(first, last, total)| {
            first == self.position
                && last.checked_add(1) == Some(self.end)
                && total.is_none_or(|total| total == self.descriptor.size)
        });
        if fits {
            return Ok(Stream { response, rest: Bytes::new(), skip: 0, whole: false });
        }
        let text = response.headers().get(CONTENT_RANGE);
        let text = text.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Err(self.broken(format!(
            "the range `{}` instead of bytes {} to {} of {} of `{}`",
            text.unwrap_or_default(),
            self.position,
            self.end,
            self.descriptor.size,
            self.descriptor.digest
        )))
    }

    pub(super) fn broken(&self, problem: String) -> Error {
        Error::Broken { place: self.endpoint.host.clone(), problem }
    }
}

/// Whether an answer is about the bytes, and not about who may read them.
fn serves(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE)
}

/// First byte, last byte and total of a `Content-Range`; the total may be unknown (RFC 9110 §14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    match total.trim() {
        "*" => Some((first, last, None)),
        total => Some((first, last, Some(total.parse().ok()?))),
    }
}
