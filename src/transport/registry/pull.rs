//! An image in a registry, to read.

use std::io;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use reqwest::header::CONTENT_TYPE;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Family;
use crate::oci::manifest::MAX_DOCUMENT;
use crate::oci::media_type;
use crate::oci::reference::RegistryReference;
use crate::transport::Source;
use crate::transport::error::Error;
use crate::transport::range;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::body;
use crate::transport::registry::body::Trouble;
use crate::transport::registry::client::Client;
use crate::transport::registry::client::unreachable;
use crate::transport::registry::download::Download;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::pieces::Pieces;
use crate::transport::registry::redirect;
use crate::transport::registry::referrers;
use crate::transport::registry::response::Response;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::wire::Request;

/// The documents that can be read, as `Accept` says it. Without it some registries answer with schema 1.
const DOCUMENTS: [&str; 4] =
    [media_type::OCI_INDEX, media_type::OCI_MANIFEST, media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST];

/// An image in a registry.
#[derive(Debug, Clone)]
pub struct RegistrySource {
    pub(super) engine: Arc<Engine>,
    pub(super) reference: RegistryReference,
}

impl Source for RegistrySource {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        let client = self.engine.client();
        let reference = self.reference.clone();
        self.engine.run(async move { document(&client, &reference).await })
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        if offset > 0 && offset >= descriptor.size {
            return Ok(Box::new(io::empty()));
        }
        self.read(descriptor, offset..descriptor.size, u64::MAX)
    }

    /// A range longer than two pieces is fetched in pieces, unless the registry is this machine. Of a server without ranges the blob is read from its
    /// start, once as long as the ranges ascend.
    fn open_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        range::check(descriptor, &range)?;
        if range.is_empty() {
            return Ok(Box::new(io::empty()));
        }
        let piece = self.engine.options().piece.max(1);
        let long = range.end - range.start > piece.saturating_mul(2);
        self.read(descriptor, range, if long { piece } else { u64::MAX })
    }

    fn document(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let client = self.engine.client();
        let reference = self.reference.pinned(*digest);
        self.engine.run(async move { document(&client, &reference).await.map(|(bytes, _)| bytes) })
    }

    fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        let (client, reference) = (self.engine.client(), self.reference.clone());
        let (subject, artifact_type) = (*subject, artifact_type.to_owned());
        self.engine.run(async move { referrers::list(&client, &reference, &subject, &artifact_type).await })
    }

    fn mount_point(&self) -> Option<(String, String)> {
        Some((self.reference.host.clone(), self.reference.repository.clone()))
    }
}

impl RegistrySource {
    /// Opens the bytes of `range`, in pieces of `piece` bytes.
    fn read(
        &self,
        descriptor: &Descriptor,
        range: Range<u64>,
        piece: u64,
    ) -> Result<Box<dyn Read + Send>, Error> {
        let (client, host) = (self.engine.client(), self.reference.host.clone());
        let met = client.clone();
        let endpoint = self.engine.run(async move { met.endpoint(&host).await })?;
        // Without a network there is nothing to hide: there each request costs more than its bytes (one stream 330 MB/s,
        // pieces 140, both ends on two busy cores).
        let piece = if redirect::is_loopback(&endpoint.base) { u64::MAX } else { piece };
        let (kind, accept) = match Family::of_document(&descriptor.media_type) {
            Some(_) => ("manifests", descriptor.media_type.clone()),
            None => ("blobs", String::new()),
        };
        let repository = &self.reference.repository;
        let download = Download {
            scope: Scope::pull(repository),
            url: endpoint.url(&format!("{repository}/{kind}/{}", descriptor.digest)),
            route: client.routes.of(&endpoint.host, repository, &descriptor.digest),
            client,
            endpoint,
            descriptor: descriptor.clone(),
            position: range.start,
            end: range.end,
            accept,
        };
        Ok(Box::new(Pieces::open(self.engine.clone(), download, piece)?))
    }
}

/// The document a reference leads to, checked against every digest that anyone named (T22).
pub(super) async fn document(
    client: &Client,
    reference: &RegistryReference,
) -> Result<(Vec<u8>, String), Error> {
    let endpoint = client.endpoint(&reference.host).await?;
    let scope = Scope::pull(&reference.repository);
    let url = endpoint.url(&format!("{}/manifests/{}", reference.repository, reference.version()));
    let request = Request::new(Method::GET, url).header(ACCEPT, &DOCUMENTS.join(", "));
    let mut schedule = Schedule::new(&client.options);
    loop {
        let response = client.send(&endpoint, &scope, &request).await?;
        if response.status() != StatusCode::OK {
            let what = reference.to_string();
            return Err(client.refusal(&endpoint, &scope, response, &what).await);
        }
        let media_type = header(&response, CONTENT_TYPE.as_str());
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let promised = header(&response, "docker-content-digest").parse::<Digest>().ok();
        match body::bounded(response, MAX_DOCUMENT, client.options.idle).await {
            Ok(bytes) => {
                check(&endpoint, reference, &bytes, promised)?;
                return Ok((bytes, media_type));
            }
            Err(Trouble::TooLarge) => {
                return Err(broken(&endpoint, format!("a manifest of more than {MAX_DOCUMENT} bytes")));
            }
            Err(trouble) => {
                let source = match trouble {
                    Trouble::Cut(error) => Box::from(error.without_url()),
                    _ => Box::from("nothing came"),
                };
                let wait = schedule.next(None).ok_or_else(|| unreachable(&endpoint, source))?;
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn check(
    endpoint: &Endpoint,
    reference: &RegistryReference,
    bytes: &[u8],
    promised: Option<Digest>,
) -> Result<(), Error> {
    let actual = Digest::of(bytes);
    for expected in [reference.digest, promised].into_iter().flatten() {
        if expected != actual {
            let problem = format!("a manifest `{actual}` instead of `{expected}`");
            return Err(broken(endpoint, problem));
        }
    }
    Ok(())
}

pub(super) fn broken(endpoint: &Endpoint, problem: String) -> Error {
    Error::Broken { place: endpoint.host.clone(), problem }
}

/// A header as text; empty when there is none.
fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
