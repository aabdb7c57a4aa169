//! HTTP clients, and the certificates they believe.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::Client;
use reqwest::Identity;
use reqwest::redirect::Policy;

use crate::transport::error::Error;
use crate::transport::registry::options::RegistryOptions;

/// Time to establish a connection.
const CONNECT: Duration = Duration::from_secs(30);

/// The authorities that count for every host.
///
/// # Errors
/// When a file cannot be read or holds no certificate.
pub(super) fn authorities(options: &RegistryOptions) -> Result<Vec<Certificate>, Error> {
    let mut all = Vec::new();
    for path in &options.ca_certificates {
        all.extend(certificates(path)?);
    }
    Ok(all)
}

/// Makes the client for `host`. It follows no redirect and decodes no content: both are decided elsewhere.
pub(super) fn client(options: &RegistryOptions, common: &[Certificate], host: &str) -> Result<Client, Error> {
    // Another part of the program may have chosen already: its choice is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut trusted = common.to_vec();
    let mut identity = None;
    for path in certs_d(options, host) {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => trusted.extend(certificates(&path)?),
            Some("cert") => identity = Some(own(&path)?),
            _ => {}
        }
    }
    let build = |only: bool| {
        let builder = Client::builder()
            .redirect(Policy::none())
            // Requests of HTTP/2 share one connection and its window: pieces side by side would gain nothing.
            .http1_only()
            .connect_timeout(CONNECT)
            .user_agent(concat!("imgforge/", env!("CARGO_PKG_VERSION")))
            .tls_danger_accept_invalid_certs(is_insecure(options, host));
        let builder = match &identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        if only {
            builder.tls_certs_only(trusted.clone()).build()
        } else {
            builder.tls_certs_merge(trusted.clone()).build()
        }
    };
    // A machine without any certificates (a bare container) can still speak to a registry that needs none.
    build(false)
        .or_else(|_| build(true))
        .map_err(|source| Error::Unreachable { place: host.to_owned(), source: Box::new(source) })
}

/// Whether the user said that `host` (with port) need not prove who it is.
pub(super) fn is_insecure(options: &RegistryOptions, host: &str) -> bool {
    let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
    options.insecure.iter().any(|named| named == host || named == bare)
}

/// The files that `certs.d` directories hold for `host`, in order.
fn certs_d(options: &RegistryOptions, host: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in &options.cert_dirs {
        if let Ok(entries) = std::fs::read_dir(directory.join(host)) {
            files.extend(entries.flatten().map(|entry| entry.path()));
        }
    }
    files.sort();
    files
}

/// Whether any `certs.d` directory says something about `host`.
pub(super) fn has_own(options: &RegistryOptions, host: &str) -> bool {
    !certs_d(options, host).is_empty()
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let bytes = std::fs::read(path).map_err(|source| unreadable(path, source))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| not_pem(path, error))?;
    if found.is_empty() {
        let none = std::io::Error::new(std::io::ErrorKind::InvalidData, "there is no PEM certificate in it");
        return Err(unreadable(path, none));
    }
    Ok(found)
}

/// The client's own certificate at `path`, with the key beside it.
fn own(path: &Path) -> Result<Identity, Error> {
    let mut pem = std::fs::read(path).map_err(|source| unreadable(path, source))?;
    let key = path.with_extension("key");
    pem.push(b'\n');
    pem.extend(std::fs::read(&key).map_err(|source| unreadable(&key, source))?);
    Identity::from_pem(&pem).map_err(|error| not_pem(path, error))
}

fn not_pem(path: &Path, error: reqwest::Error) -> Error {
    unreadable(path, std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Io { action: "read", path: path.to_owned(), source }
}
