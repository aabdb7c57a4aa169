//! `Authorization`: credentials as they are, or exchanged for tokens that are kept until they run out
//! (distribution: `spec/auth/token`, `spec/auth/oauth`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use crate::transport::credentials::Credential;
use crate::transport::credentials::CredentialPlaces;
use crate::transport::credentials::Found;
use crate::transport::error::Error;
use crate::transport::registry::challenge::Challenge;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::token;
use crate::transport::registry::wire::Wire;

/// What a request needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    /// The repository that is read or written.
    pub(super) repository: String,
    /// Whether it is written.
    pub(super) push: bool,
    /// Another repository to mount blobs from: one token must allow both (Docker Hub refuses otherwise).
    pub(super) from: Option<String>,
}

impl Scope {
    /// To read `repository`.
    pub(super) fn pull(repository: &str) -> Self {
        Self { repository: repository.to_owned(), push: false, from: None }
    }

    /// The scopes as token servers read them.
    pub(super) fn texts(&self) -> Vec<String> {
        let actions = if self.push { "pull,push" } else { "pull" };
        let mut texts = vec![format!("repository:{}:{actions}", self.repository)];
        texts.extend(self.from.iter().map(|from| format!("repository:{from}:pull")));
        texts
    }
}

/// A header that a registry took, or may take.
#[derive(Debug, Clone)]
struct Held {
    value: HeaderValue,
    until: Option<Instant>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Held>>>;

/// The headers in use, one for each registry and scope. Whoever needs one that is being fetched waits for it.
#[derive(Debug)]
pub(super) struct Authority {
    places: CredentialPlaces,
    slots: Mutex<BTreeMap<(String, Scope), Slot>>,
}

impl Authority {
    pub(super) fn new(places: CredentialPlaces) -> Self {
        Self { places, slots: Mutex::default() }
    }

    /// The header for a request, `None` where the registry has asked for nothing so far. `refused` is the header
    /// that the registry has just turned down: it is never given again.
    pub(super) async fn header(
        &self,
        wire: &Wire,
        endpoint: &Endpoint,
        scope: &Scope,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Error> {
        let Some(challenge) = endpoint.challenge() else {
            return Ok(None);
        };
        let slot = self.slot(endpoint, scope);
        let mut held = slot.lock().await;
        if let Some(current) = held.as_ref() {
            let fresh = current.until.is_none_or(|until| Instant::now() < until);
            if fresh && refused != Some(&current.value) {
                return Ok(Some(current.value.clone()));
            }
        }
        *held = None;
        let found = self.find(endpoint, scope).await;
        let next = obtain(wire, endpoint, scope, &challenge, found).await?;
        if refused.is_some() && next.as_ref().map(|next| &next.value) == refused {
            // The same words again would meet the same refusal; the caller reports it.
            return Ok(None);
        }
        held.clone_from(&next);
        Ok(next.map(|next| next.value))
    }

    /// Why there may be no access, for the message of a denial.
    pub(super) async fn excuse(&self, endpoint: &Endpoint, scope: &Scope) -> String {
        let found = self.find(endpoint, scope).await;
        let mut text = String::new();
        if found.credential.is_none() {
            text.push_str(" (no credentials were found for it)");
        }
        for problem in found.problems {
            text.push_str("; ");
            text.push_str(&problem);
        }
        text
    }

    fn slot(&self, endpoint: &Endpoint, scope: &Scope) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (endpoint.host.clone(), scope.clone());
        slots.entry(key).or_default().clone()
    }

    /// Files and helpers are read on a thread that may wait.
    async fn find(&self, endpoint: &Endpoint, scope: &Scope) -> Found {
        let (places, host) = (self.places.clone(), endpoint.host.clone());
        let repository = scope.repository.clone();
        let search = tokio::task::spawn_blocking(move || places.find(&host, &repository));
        search.await.unwrap_or_default()
    }
}

/// Turns a credential into what the challenge asks for. `None`: there is nothing to show.
async fn obtain(
    wire: &Wire,
    endpoint: &Endpoint,
    scope: &Scope,
    challenge: &Challenge,
    found: Found,
) -> Result<Option<Held>, Error> {
    if let Some(Credential::Bearer(secret)) = &found.credential {
        return Ok(held(&format!("Bearer {}", secret.expose()), None));
    }
    match (challenge, &found.credential) {
        (Challenge::Basic, Some(Credential::Password { user, password })) => {
            Ok(held(&basic(user, password.expose()), None))
        }
        (Challenge::Basic, _) => Ok(None),
        (Challenge::Bearer { .. }, credential) => {
            let token = token::fetch(wire, endpoint, scope, challenge, credential.as_ref()).await?;
            // A token is replaced a little early: it must outlive the request it starts.
            let until = Instant::now() + Duration::from_secs(token.expires_in) * 4 / 5;
            Ok(held(&format!("Bearer {}", token.secret.expose()), Some(until)))
        }
    }
}

/// The value of a basic `Authorization` header (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn held(value: &str, until: Option<Instant>) -> Option<Held> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(Held { value, until })
}
