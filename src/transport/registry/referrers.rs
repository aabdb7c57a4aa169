//! Which documents of a repository are about another one: distribution-spec 1.1, "Listing Referrers".
//!
//! A registry that has no such list answers `404`; then whoever pushed has kept one under a tag that is made of the
//! subject's digest (the same, "Referrers Tag Schema"). Further pages of a list are not asked for.

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde::Deserialize;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::manifest::MAX_DOCUMENT;
use crate::oci::media_type;
use crate::oci::reference::RegistryReference;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::body;
use crate::transport::registry::client::Client;
use crate::transport::registry::pull::broken;
use crate::transport::registry::pull::document;
use crate::transport::registry::wire::Request;

#[derive(Deserialize)]
struct List {
    manifests: Vec<Referrer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    #[serde(default)]
    artifact_type: String,
    #[serde(flatten)]
    descriptor: Descriptor,
}

/// The documents about `subject` in the repository of `reference`, in the order that the list has. A registry need not
/// heed the artifact type, so it is compared here.
pub(super) async fn list(
    client: &Client,
    reference: &RegistryReference,
    subject: &Digest,
    artifact_type: &str,
) -> Result<Vec<Descriptor>, Error> {
    let endpoint = client.endpoint(&reference.host).await?;
    let scope = Scope::pull(&reference.repository);
    let mut url = endpoint.url(&format!("{}/referrers/{subject}", reference.repository));
    url.query_pairs_mut().append_pair("artifactType", artifact_type);
    let request = Request::new(Method::GET, url).header(ACCEPT, media_type::OCI_INDEX);
    let response = client.send(&endpoint, &scope, &request).await?;
    let bytes = match response.status() {
        StatusCode::OK => body::bounded(response, MAX_DOCUMENT, client.options.idle)
            .await
            .map_err(|_| broken(&endpoint, "a list of referrers that does not end".to_owned()))?,
        StatusCode::NOT_FOUND => match tagged(client, reference, subject).await {
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            outcome => outcome?,
        },
        _ => return Err(client.refusal(&endpoint, &scope, response, &subject.to_string()).await),
    };
    let list: List = serde_json::from_slice(&bytes)
        .map_err(|error| broken(&endpoint, format!("a list of referrers that is none: {error}")))?;
    let fitting = list.manifests.into_iter().filter(|one| one.artifact_type == artifact_type);
    Ok(fitting.map(|one| one.descriptor).collect())
}

/// The list that is kept under a tag.
async fn tagged(client: &Client, reference: &RegistryReference, subject: &Digest) -> Result<Vec<u8>, Error> {
    let tag = Some(subject.to_string().replace(':', "-"));
    let reference = RegistryReference { tag, digest: None, ..reference.clone() };
    document(client, &reference).await.map(|(bytes, _)| bytes)
}
