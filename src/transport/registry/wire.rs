//! One request and its answer. Redirects are followed here, waits and retries are not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Body;
use reqwest::Certificate;
use reqwest::Client;
use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::ACCEPT_ENCODING;
use reqwest::header::AUTHORIZATION;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;

use crate::transport::error::Error;
use crate::transport::registry::options::RegistryOptions;
use crate::transport::registry::redirect;
use crate::transport::registry::response::Response;
use crate::transport::registry::tls;

/// A request that can be made again.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection: the same request may succeed later.
    Passing(Box<dyn std::error::Error + Send + Sync>),
    /// It will not get better by itself.
    Final(Error),
}

/// The clients, one for each host that has its own certificates and one for all others.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) options: Arc<RegistryOptions>,
    authorities: Vec<Certificate>,
    clients: Mutex<BTreeMap<String, Client>>,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let identity = HeaderValue::from_static("identity");
        Self { method, url, headers: HeaderMap::from_iter([(ACCEPT_ENCODING, identity)]), body: None }
    }

    /// Adds a header. A value that no header can have is a bug of ours or a trick of theirs: it is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn body(mut self, bytes: Bytes) -> Self {
        self.body = Some(bytes);
        self
    }

    /// Reads follow redirects; of writes, only those that carry nothing.
    fn follows(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

impl Wire {
    /// # Errors
    /// When a certificate file cannot be used.
    pub(super) fn new(options: Arc<RegistryOptions>) -> Result<Self, Error> {
        Ok(Self { authorities: tls::authorities(&options)?, options, clients: Mutex::default() })
    }

    fn client(&self, url: &Url) -> Result<Client, Error> {
        let host = host_of(url);
        let own = tls::has_own(&self.options, &host) || tls::is_insecure(&self.options, &host);
        let key = if own { host } else { String::new() };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = tls::client(&self.options, &self.authorities, &key)?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    /// Sends a request and follows where it leads. `Authorization` goes to the origin of `request.url` only (T36).
    pub(super) async fn exchange(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Failure> {
        let mut hop = request.clone();
        for _ in 0..redirect::HOPS {
            let authorization = authorization.filter(|_| redirect::same_origin(&request.url, &hop.url));
            let body = hop.body.clone().map(Body::from);
            let response = self.send(&hop, authorization, body, self.options.idle).await?;
            let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !redirects || !request.follows() {
                return Ok(response);
            }
            let Some(next) = redirect::location(&hop.url, response.headers()) else {
                return Ok(response);
            };
            redirect::permit(&request.url, &next).await.map_err(Failure::Final)?;
            hop.url = next;
        }
        Err(Failure::Final(Error::Broken {
            place: host_of(&request.url),
            problem: format!("more than {} redirects", redirect::HOPS),
        }))
    }

    /// Sends one request, follows nothing. The answer must begin within `patience`.
    pub(super) async fn send(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        body: Option<Body>,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let client = self.client(&request.url).map_err(Failure::Final)?;
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(value) = authorization {
            let mut value = value.clone();
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            // A body that is still to be made counts itself.
            self.options.traffic.add_sent(body.as_bytes().map_or(0, <[u8]>::len));
            builder = builder.body(body);
        }
        match tokio::time::timeout(patience, builder.send()).await {
            Ok(Ok(response)) => Ok(Response::new(response, &self.options.traffic)),
            Ok(Err(error)) => Err(failure(&request.url, error)),
            Err(_) => {
                Err(Failure::Passing(format!("no answer within {} seconds", patience.as_secs()).into()))
            }
        }
    }
}

/// Host, and port when it is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn failure(url: &Url, error: reqwest::Error) -> Failure {
    // The address may be signed: whoever reads it in a log could use it (T41).
    let error = error.without_url();
    if error.is_builder() || is_certificate(&error) {
        return Failure::Final(Error::Unreachable { place: host_of(url), source: Box::new(error) });
    }
    Failure::Passing(Box::new(error))
}

/// Whether a certificate was refused: it will be refused the next time too.
pub(super) fn is_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<rustls::Error>() {
            return refuses(refused);
        }
        // An I/O error names the cause of what it wraps, and not what it wraps.
        let wrapped = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
    }
    false
}

fn refuses(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
}

/// Whether an answer is a `401`: the only one that new credentials can change.
pub(super) fn is_unauthorized(response: &Response) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
}
