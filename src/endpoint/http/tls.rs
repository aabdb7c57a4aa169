//! The HTTP client, and the certificates that it believes.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::Client;
use reqwest::Url;
use reqwest::redirect::Policy;

use super::Target;
use crate::endpoint::error::Error;

/// A client that follows no redirect and decodes no content: what is measured is what the server does.
///
/// With `keep` it uses connections again.
pub(super) fn client(target: &Target, base: &Url, connect: Duration, keep: bool) -> Result<Client, Error> {
    // Another part of the program may have chosen already: its choice is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut trusted = Vec::new();
    for path in &target.authorities {
        trusted.extend(certificates(path)?);
    }
    let host = base.host_str().unwrap_or_default();
    let build = |only: bool| {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(connect)
            .pool_max_idle_per_host(if keep { usize::MAX } else { 0 })
            .tcp_nodelay(true)
            .user_agent(concat!("imgforge/", env!("CARGO_PKG_VERSION")))
            .tls_danger_accept_invalid_certs(target.insecure.iter().any(|named| named == host));
        if is_loopback(host) {
            builder = builder.no_proxy();
        }
        let trusted = trusted.clone();
        if only { builder.tls_certs_only(trusted) } else { builder.tls_certs_merge(trusted) }.build()
    };
    // A machine without any certificates can still ask a server that needs none.
    build(false).or_else(|_| build(true)).map_err(|source| Error::Client(Box::new(source)))
}

/// A proxy cannot reach what is on this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Certificates {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(|error| failed(error.into()))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| failed(error.into()))?;
    if found.is_empty() {
        return Err(failed("there is no PEM certificate in it".into()));
    }
    Ok(found)
}
