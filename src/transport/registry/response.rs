//! An answer whose body is counted as it comes in.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::transport::traffic::Traffic;

/// An answer. Its body comes in chunks, in no other way: none passes uncounted.
#[derive(Debug)]
pub(super) struct Response {
    inner: reqwest::Response,
    traffic: Traffic,
}

impl Response {
    pub(super) fn new(inner: reqwest::Response, traffic: &Traffic) -> Self {
        Self { inner, traffic: traffic.clone() }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.inner.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Who answered: after redirects, the last address.
    pub(super) fn url(&self) -> &Url {
        self.inner.url()
    }

    /// How long the body is, where the answer says so.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.inner.content_length()
    }

    /// The next bytes of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> reqwest::Result<Option<Bytes>> {
        let chunk = self.inner.chunk().await?;
        self.traffic.add_received(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }
}
