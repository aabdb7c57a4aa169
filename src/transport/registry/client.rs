//! Requests that reach their end: authorised, repeated where that helps, and turned into errors where it does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::Body;
use reqwest::header::HeaderValue;

use crate::transport::error::Error;
use crate::transport::registry::auth::Authority;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::body;
use crate::transport::registry::challenge::Challenge;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::options::RegistryOptions;
use crate::transport::registry::pace::Pace;
use crate::transport::registry::redirect;
use crate::transport::registry::response::Response;
use crate::transport::registry::retry;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::route::Routes;
use crate::transport::registry::wire::Failure;
use crate::transport::registry::wire::Request;
use crate::transport::registry::wire::Wire;
use crate::transport::registry::wire::host_of;
use crate::transport::registry::wire::is_unauthorized;

/// Speaks to registries. Shared by all sources and sinks.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) options: Arc<RegistryOptions>,
    pub(super) pace: Arc<Pace>,
    pub(super) routes: Routes,
    wire: Wire,
    authority: Authority,
    endpoints: Mutex<BTreeMap<String, Arc<Endpoint>>>,
}

impl Client {
    /// # Errors
    /// When a certificate file cannot be used.
    pub(super) fn new(options: RegistryOptions) -> Result<Self, Error> {
        let options = Arc::new(options);
        Ok(Self {
            pace: Arc::new(Pace::new(options.pieces)),
            routes: Routes::default(),
            wire: Wire::new(options.clone())?,
            authority: Authority::new(options.credentials.clone()),
            options,
            endpoints: Mutex::default(),
        })
    }

    /// The registry that references call `host`. It is met once.
    pub(super) async fn endpoint(&self, host: &str) -> Result<Arc<Endpoint>, Error> {
        let known = |client: &Self| {
            let endpoints = client.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
            endpoints.get(host).cloned()
        };
        if let Some(endpoint) = known(self) {
            return Ok(endpoint);
        }
        let endpoint = Arc::new(Endpoint::connect(&self.wire, host).await?);
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(endpoints.entry(host.to_owned()).or_insert(endpoint).clone())
    }

    /// Sends a request until there is an answer that repeating it would not change. Any status may come back but
    /// the registry's own `401`, which is an error here. Who says that it is too much gets fewer requests at once.
    pub(super) async fn send(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
        request: &Request,
    ) -> Result<Response, Error> {
        let mut schedule = Schedule::new(&self.options);
        let mut refused: Option<HeaderValue> = None;
        let mut asked = false;
        loop {
            let authorization = self.authorization(endpoint, scope, request, refused.as_ref()).await?;
            let wait = match self.wire.exchange(request, authorization.as_ref()).await {
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(source)) => match schedule.next(None) {
                    Some(wait) => wait,
                    None => return Err(unreachable(endpoint, source)),
                },
                Ok(response) if is_unauthorized(&response) && is_own(endpoint, &response) => {
                    self.challenged(endpoint, &response);
                    let hopeless = asked && (refused.is_some() || authorization.is_none());
                    if hopeless || endpoint.challenge().is_none() {
                        return Err(self.denied(endpoint, scope, response).await);
                    }
                    asked = true;
                    refused = authorization;
                    Duration::ZERO
                }
                Ok(response) if retry::worth_it(response.status()) => {
                    let advice = retry::advice(response.headers());
                    if retry::is_too_much(response.status()) {
                        self.pace.slower(advice);
                    }
                    match schedule.next(advice) {
                        Some(wait) => wait,
                        None => return Ok(response),
                    }
                }
                Ok(response) => return Ok(response),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a request whose body can be had only once. One attempt: what to do after a failure depends on how far
    /// it came. A `401` comes back like any other status, with its challenge remembered.
    pub(super) async fn send_once(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
        request: &Request,
        body: Body,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let authorization =
            self.authorization(endpoint, scope, request, None).await.map_err(Failure::Final)?;
        let response = self.wire.send(request, authorization.as_ref(), Some(body), patience).await?;
        if is_unauthorized(&response) {
            self.challenged(endpoint, &response);
            self.authorization(endpoint, scope, request, authorization.as_ref())
                .await
                .map_err(Failure::Final)?;
        }
        Ok(response)
    }

    /// Turns an answer that is no success into an error that says what the registry said (T33), or the host that it
    /// sent us to: there the user has no credentials to mend.
    pub(super) async fn refusal(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
        response: Response,
        what: &str,
    ) -> Error {
        let own = is_own(endpoint, &response);
        let status = response.status().as_u16();
        let place = if own {
            endpoint.host.clone()
        } else {
            format!("{} (storage of {})", host_of(response.url()), endpoint.host)
        };
        match body::refusal(response, &place, what, self.options.idle).await {
            Error::Denied { place, message } if !own => Error::Refused { place, status, message },
            Error::Denied { place, message } => {
                let excuse = self.authority.excuse(endpoint, scope).await;
                Error::Denied { place, message: message + &excuse }
            }
            error => error,
        }
    }

    async fn denied(&self, endpoint: &Endpoint, scope: &Scope, response: Response) -> Error {
        self.refusal(endpoint, scope, response, &scope.repository).await
    }

    /// The header for `request`: none when it goes to another host than the registry itself (T36).
    async fn authorization(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
        request: &Request,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Error> {
        if !redirect::same_origin(&endpoint.base, &request.url) {
            return Ok(None);
        }
        self.authority.header(&self.wire, endpoint, scope, refused).await
    }

    fn challenged(&self, endpoint: &Endpoint, response: &Response) {
        // What another host asks for is not what the registry asks for.
        if is_own(endpoint, response)
            && let Some(challenge) = Challenge::of(response.headers())
        {
            endpoint.challenged(challenge);
        }
    }
}

/// Whether the registry itself has answered, and not a host that it sent us to.
fn is_own(endpoint: &Endpoint, response: &Response) -> bool {
    redirect::same_origin(&endpoint.base, response.url())
}

/// The last failure of the connection, as an error.
pub(super) fn unreachable(endpoint: &Endpoint, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Unreachable { place: endpoint.host.clone(), source }
}
