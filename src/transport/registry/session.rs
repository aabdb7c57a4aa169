//! The small requests around an upload: open it, ask how far it is, commit it, give it up.

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::CONTENT_LENGTH;

use crate::oci::Descriptor;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::client::Client;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::piece::Reply;
use crate::transport::registry::presence;
use crate::transport::registry::redirect;
use crate::transport::registry::wire::Request;

/// An upload that a registry has opened.
pub(super) struct Opened {
    pub(super) url: Url,
    /// The least bytes a piece may have; 0 when the registry does not say.
    pub(super) least: u64,
}

/// How far an upload is.
pub(super) struct Status {
    pub(super) url: Url,
    /// Bytes that the registry has.
    pub(super) held: u64,
}

/// Opens an upload.
pub(super) async fn open(client: &Client, endpoint: &Endpoint, scope: &Scope) -> Result<Opened, Error> {
    let url = endpoint.url(&format!("{}/blobs/uploads/", scope.repository));
    let request = Request::new(Method::POST, url).header(CONTENT_LENGTH, "0");
    let response = client.send(endpoint, scope, &request).await?;
    if !response.status().is_success() {
        return Err(client.refusal(endpoint, scope, response, &scope.repository).await);
    }
    let Some(url) = redirect::location(response.url(), response.headers()) else {
        return Err(Error::Broken {
            place: endpoint.host.clone(),
            problem: "it opened an upload and did not say where".to_owned(),
        });
    };
    redirect::permit(&endpoint.base, &url).await?;
    let least = response.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok());
    let least = least.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok(Opened { url, least })
}

/// Asks how far an upload is. `None`: the registry does not know, or cannot say it without doubt.
pub(super) async fn status(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    url: Url,
) -> Result<Option<Status>, Error> {
    let response = client.send(endpoint, scope, &Request::new(Method::GET, url.clone())).await?;
    if !response.status().is_success() {
        return Ok(None);
    }
    match Reply::of(client, endpoint, scope, response, &scope.repository).await {
        Reply::Taken { location, held, .. } => {
            Ok(held.map(|held| Status { url: location.unwrap_or(url), held }))
        }
        Reply::Hopeless(error) => Err(error),
        Reply::Refused { .. } | Reply::Lost(_) => Ok(None),
    }
}

/// Commits an upload under the digest of its bytes. The answer may be lost on the way: then the blob itself tells.
pub(super) async fn commit(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    mut url: Url,
    blob: &Descriptor,
) -> Result<(), Error> {
    // The address is the registry's own, with whatever it put into the query: it is only added to (T38).
    url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
    let request = Request::new(Method::PUT, url).header(CONTENT_LENGTH, "0");
    let response = client.send(endpoint, scope, &request).await?;
    if response.status().is_success() {
        return presence::same_digest(endpoint, response.headers(), blob.digest);
    }
    let lost = response.status() == StatusCode::NOT_FOUND;
    let refusal = client.refusal(endpoint, scope, response, &blob.digest.to_string()).await;
    if lost && presence::check(client, endpoint, scope, blob).await? {
        return Ok(());
    }
    Err(refusal)
}

/// Gives an upload up.
pub(super) async fn cancel(
    client: &Client,
    endpoint: &Endpoint,
    scope: &Scope,
    url: Url,
) -> Result<(), Error> {
    let request = Request::new(Method::DELETE, url);
    client.send(endpoint, scope, &request).await.map(drop)
}
