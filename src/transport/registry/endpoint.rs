//! Where a registry answers, in which scheme, and what it asks of those who come.

use std::sync::Mutex;
use std::sync::PoisonError;

use reqwest::Method;
use reqwest::Url;

use crate::transport::error::Error;
use crate::transport::registry::challenge::Challenge;
use crate::transport::registry::redirect;
use crate::transport::registry::retry;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::tls;
use crate::transport::registry::wire::Failure;
use crate::transport::registry::wire::Request;
use crate::transport::registry::wire::Wire;
use crate::transport::registry::wire::is_unauthorized;

/// Docker Hub answers under another name than the one people use.
const HUB: &str = "registry-1.docker.io";

/// A registry that answered.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The host as references name it.
    pub(super) host: String,
    /// `https://host/v2/`.
    pub(super) base: Url,
    challenge: Mutex<Option<Challenge>>,
}

impl Endpoint {
    /// Finds out how `host` is spoken to. Plain HTTP is tried only on this machine and where the user allowed it,
    /// and only after HTTPS has failed (T40).
    pub(super) async fn connect(wire: &Wire, host: &str) -> Result<Self, Error> {
        let name = if host == "docker.io" { HUB } else { host };
        let secure = base("https", name, host)?;
        let plain_allowed = redirect::is_loopback(&secure) || tls::is_insecure(&wire.options, name);
        if !plain_allowed {
            return Self::ping(wire, host, secure).await;
        }
        let ping = Request::new(Method::GET, secure.clone());
        match wire.exchange(&ping, None).await {
            Ok(_) => Self::ping(wire, host, secure).await,
            Err(Failure::Final(error)) => Err(error),
            Err(Failure::Passing(_)) => Self::ping(wire, host, base("http", name, host)?).await,
        }
    }

    async fn ping(wire: &Wire, host: &str, base: Url) -> Result<Self, Error> {
        let request = Request::new(Method::GET, base.clone());
        let mut schedule = Schedule::new(&wire.options);
        loop {
            let (wait, last) = match wire.exchange(&request, None).await {
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(source)) => (schedule.next(None), Some(source)),
                Ok(response) if retry::worth_it(response.status()) => {
                    (schedule.next(retry::advice(response.headers())), None)
                }
                Ok(response) => {
                    let asked = is_unauthorized(&response);
                    let challenge = Challenge::of(response.headers()).filter(|_| asked);
                    return Ok(Self::new(host, base, challenge));
                }
            };
            match (wait, last) {
                (Some(wait), _) => tokio::time::sleep(wait).await,
                (None, Some(source)) => {
                    return Err(Error::Unreachable { place: host.to_owned(), source });
                }
                // It answers, if badly: the request that matters will say how.
                (None, None) => return Ok(Self::new(host, base, None)),
            }
        }
    }

    fn new(host: &str, base: Url, challenge: Option<Challenge>) -> Self {
        Self { host: host.to_owned(), base, challenge: Mutex::new(challenge) }
    }

    /// What the registry last asked for.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what the registry asks for now.
    pub(super) fn challenged(&self, challenge: Challenge) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
    }

    /// The address of something below `/v2/`; `path` is made of checked names only.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }
}

fn base(scheme: &str, name: &str, host: &str) -> Result<Url, Error> {
    Url::parse(&format!("{scheme}://{name}/v2/"))
        .map_err(|source| Error::Unreachable { place: host.to_owned(), source: Box::new(source) })
}
