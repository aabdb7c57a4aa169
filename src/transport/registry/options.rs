//! What the command line decides about registries.

use std::path::PathBuf;
use std::time::Duration;

use crate::transport::credentials::CredentialPlaces;
use crate::transport::traffic::Traffic;

/// Settings that all registries share. [`RegistryOptions::default`] suits a registry on the Internet.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Where credentials are.
    pub credentials: CredentialPlaces,
    /// PEM files with authorities to trust beside the system's own.
    pub ca_certificates: Vec<PathBuf>,
    /// Directories of the `certs.d` kind: `HOST:PORT/*.crt` are authorities, `*.cert` and `*.key` the client's own.
    pub cert_dirs: Vec<PathBuf>,
    /// Hosts (`host` or `host:port`) that may be spoken to in plain HTTP, or with a certificate nobody vouches for.
    pub insecure: Vec<String>,
    /// How often a request is tried again after its first failure.
    pub retries: u32,
    /// The wait before the first retry; it doubles each time, up to `longest_wait`.
    pub first_wait: Duration,
    /// The longest wait that imgforge chooses itself. What a server asks for may be longer.
    pub longest_wait: Duration,
    /// How long nothing may arrive, or be taken, before a connection counts as dead.
    pub idle: Duration,
    /// How many blobs are sent at once.
    pub parallel: usize,
    /// Bytes a request may carry once a registry or a proxy has refused a blob in one piece.
    pub chunk: u64,
    /// Bytes of a long range that one request asks for, of registries that are not this machine.
    pub piece: u64,
    /// How many pieces of ranges are under way or wait in memory for their turn, of all readers together. With `piece`
    /// it bounds the memory.
    pub pieces: usize,
    /// Where the bytes that move are counted.
    pub traffic: Traffic,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            credentials: CredentialPlaces::default(),
            ca_certificates: Vec::new(),
            cert_dirs: Vec::new(),
            insecure: Vec::new(),
            retries: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            parallel: 4,
            chunk: 64 << 20,
            // CPU seconds of both ends for 256 MiB: one stream 0.42, 16 MiB by 3 0.50, 8 MiB by 6 0.67.
            piece: 16 << 20,
            pieces: 3,
            traffic: Traffic::default(),
        }
    }
}
