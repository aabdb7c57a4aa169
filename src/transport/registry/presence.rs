//! Whether a registry has a blob already, or can take it from another of its repositories.

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::CONTENT_LENGTH;
use reqwest::header::CONTENT_RANGE;
use reqwest::header::HeaderMap;
use reqwest::header::RANGE;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::client::Client;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::redirect;
use crate::transport::registry::wire::Request;

/// The header with which registries name what they sent or took.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// What a registry made of a request to mount.
#[derive(Debug)]
pub(super) enum Mounted {
    /// The blob is there now.
    Yes,
    /// It opened an upload instead: that is as good as any.
    Opened(Url),
    /// It refused, in whatever way. The blob has to be sent.
    No,
}

/// Whether the blob is in the repository. A `HEAD` without digest and length is believed (T39); one whose length
/// does not fit is not, and a `GET` of one byte decides.
pub(super) async fn check(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    blob: &Descriptor,
) -> Result<bool, Error> {
    let url = endpoint.url(&format!("{}/blobs/{}", scope.repository, blob.digest));
    let response = client.send(endpoint, scope, &Request::new(Method::HEAD, url.clone())).await?;
    match response.status() {
        StatusCode::OK if other_digest(response.headers(), blob.digest).is_some() => Ok(false),
        StatusCode::OK => match number(response.headers(), CONTENT_LENGTH.as_str()) {
            Some(length) if length != blob.size => first_byte(client, endpoint, scope, blob, url).await,
            _ => Ok(true),
        },
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(false),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED | StatusCode::BAD_REQUEST => {
            first_byte(client, endpoint, scope, blob, url).await
        }
        _ => Err(client.refusal(endpoint, scope, response, &blob.digest.to_string()).await),
    }
}

async fn first_byte(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    blob: &Descriptor,
    url: Url,
) -> Result<bool, Error> {
    let request = Request::new(Method::GET, url).header(RANGE, "bytes=0-0");
    let response = client.send(endpoint, scope, &request).await?;
    let total = match response.status() {
        StatusCode::OK => number(response.headers(), CONTENT_LENGTH.as_str()),
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            range.and_then(|range| range.rsplit_once('/')?.1.parse().ok())
        }
        _ => return Ok(false),
    };
    Ok(total.is_none_or(|total: u64| total == blob.size))
}

/// Asks to mount the blob from `scope.from`.
///
/// # Errors
/// Only when the registry cannot be reached: whoever may not mount can still upload (T31).
pub(super) async fn mount(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    digest: Digest,
) -> Result<Mounted, Error> {
    let mut url = endpoint.url(&format!("{}/blobs/uploads/", scope.repository));
    url.query_pairs_mut()
        .append_pair("mount", &digest.to_string())
        .append_pair("from", scope.from.as_deref().unwrap_or_default());
    let request = Request::new(Method::POST, url).header(CONTENT_LENGTH, "0");
    let response = match client.send(endpoint, scope, &request).await {
        Err(error @ Error::Unreachable { .. }) => return Err(error),
        Err(_) => return Ok(Mounted::No),
        Ok(response) => response,
    };
    match response.status() {
        StatusCode::CREATED if other_digest(response.headers(), digest).is_none() => Ok(Mounted::Yes),
        StatusCode::ACCEPTED => match redirect::location(response.url(), response.headers()) {
            Some(url) if redirect::permit(&endpoint.base, &url).await.is_ok() => Ok(Mounted::Opened(url)),
            _ => Ok(Mounted::No),
        },
        _ => Ok(Mounted::No),
    }
}

/// # Errors
/// When the registry says that it took something else than was sent (T22).
pub(super) fn same_digest(endpoint: &Endpoint, headers: &HeaderMap, sent: Digest) -> Result<(), Error> {
    match other_digest(headers, sent) {
        None => Ok(()),
        Some(other) => Err(Error::Broken {
            place: endpoint.host.clone(),
            problem: format!("it took `{sent}` as `{other}`"),
        }),
    }
}

/// The digest that an answer names, when it names another one.
fn other_digest(headers: &HeaderMap, digest: Digest) -> Option<Digest> {
    let named: Digest = headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()?;
    (named != digest).then_some(named)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
