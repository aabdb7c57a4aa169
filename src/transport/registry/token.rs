//! Fetches one token from the server that a challenge names.

use bytes::Bytes;
use reqwest::Method;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::transport::credentials::Credential;
use crate::transport::credentials::Secret;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::auth::basic;
use crate::transport::registry::body;
use crate::transport::registry::body::Trouble;
use crate::transport::registry::challenge::Challenge;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::redirect;
use crate::transport::registry::response::Response;
use crate::transport::registry::retry;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::tls;
use crate::transport::registry::wire::Failure;
use crate::transport::registry::wire::Request;
use crate::transport::registry::wire::Wire;
use crate::transport::registry::wire::host_of;

/// How long a token lasts when the server does not say (distribution: 60 seconds).
const LIFETIME: u64 = 60;

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    /// Seconds from when it was given.
    pub(super) expires_in: u64,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Asks for a token that allows `scope`.
///
/// # Errors
/// When the server cannot be reached, denies, or answers with something that is no token.
pub(super) async fn fetch(
    wire: &Wire,
    endpoint: &Endpoint,
    scope: &Scope,
    challenge: &Challenge,
    credential: Option<&Credential>,
) -> Result<Token, Error> {
    let Challenge::Bearer { realm, service, scopes } = challenge else {
        return Err(broken(endpoint, "it asks for no token"));
    };
    let realm = realm_of(wire, endpoint, realm).await?;
    let mut wanted = scope.texts();
    wanted.extend(scopes.iter().filter(|&named| !covers(scope, named)).cloned());
    let request = request(realm, service.as_deref(), &wanted, credential);
    let response = patient(wire, endpoint, &request).await?;
    if !response.status().is_success() {
        let place = &endpoint.host;
        return Err(match body::refusal(response, place, "a token", wire.options.idle).await {
            // To a user it is all the same door.
            Error::Refused { status: 400..=499, message, .. } => {
                Error::Denied { place: place.clone(), message }
            }
            error => error,
        });
    }
    let bytes =
        body::bounded(response, body::MAX_TALK, wire.options.idle).await.map_err(
            |trouble| match trouble {
                Trouble::TooLarge => broken(endpoint, "a token of more than 1 MiB"),
                Trouble::Cut(_) | Trouble::Silence => broken(endpoint, "half a token"),
            },
        )?;
    let no_token = || broken(endpoint, "a token answer without a token");
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| no_token())?;
    let text = answer.token.or(answer.access_token).filter(|text| !text.is_empty());
    Ok(Token {
        secret: Secret::new(text.ok_or_else(no_token)?),
        // Some servers say 0 and mean nothing by it.
        expires_in: answer.expires_in.filter(|&seconds| seconds > 0).unwrap_or(LIFETIME).min(1 << 31),
    })
}

/// Whether a scope that the registry names is already asked for; its own wording of ours would only repeat it.
fn covers(scope: &Scope, named: &str) -> bool {
    let name = named.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
    name.is_some_and(|(name, _)| name == scope.repository || Some(name) == scope.from.as_deref())
}

/// The token server's address, when credentials may be sent there.
async fn realm_of(wire: &Wire, endpoint: &Endpoint, realm: &str) -> Result<Url, Error> {
    let url: Url = realm.parse().map_err(|_| broken(endpoint, "a token server without an address"))?;
    if !tls::is_insecure(&wire.options, &host_of(&url)) {
        redirect::permit(&endpoint.base, &url).await?;
    }
    Ok(url)
}

fn request(
    mut realm: Url,
    service: Option<&str>,
    scopes: &[String],
    credential: Option<&Credential>,
) -> Request {
    if let Some(Credential::Identity(secret)) = credential {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", secret.expose())];
        form.extend([("client_id", "imgforge")]);
        form.extend(service.map(|service| ("service", service)));
        let scope = scopes.join(" ");
        form.push(("scope", scope.as_str()));
        let mut encoder = realm.clone();
        encoder.query_pairs_mut().clear().extend_pairs(form);
        let body = Bytes::from(encoder.query().unwrap_or_default().to_owned());
        return Request::new(Method::POST, realm)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
    }
    {
        let mut query = realm.query_pairs_mut();
        query.extend_pairs(service.map(|service| ("service", service)));
        query.extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
    }
    let request = Request::new(Method::GET, realm);
    match credential {
        Some(Credential::Password { user, password }) => {
            request.header(AUTHORIZATION, &basic(user, password.expose()))
        }
        _ => request,
    }
}

/// The exchange, as often as it is worth it (T32).
async fn patient(wire: &Wire, endpoint: &Endpoint, request: &Request) -> Result<Response, Error> {
    let authorization = request.headers.get(AUTHORIZATION).cloned();
    let mut bare = request.clone();
    bare.headers.remove(AUTHORIZATION);
    let mut schedule = Schedule::new(&wire.options);
    loop {
        let (wait, failed) = match wire.exchange(&bare, authorization.as_ref()).await {
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing(source)) => (schedule.next(None), Err(source)),
            Ok(answer) if retry::worth_it(answer.status()) => {
                (schedule.next(retry::advice(answer.headers())), Ok(answer))
            }
            Ok(answer) => return Ok(answer),
        };
        match (wait, failed) {
            (Some(wait), _) => tokio::time::sleep(wait).await,
            (None, Ok(answer)) => return Ok(answer),
            (None, Err(source)) => {
                return Err(Error::Unreachable {
                    place: format!("{} (token server of {})", host_of(&request.url), endpoint.host),
                    source,
                });
            }
        }
    }
}

fn broken(endpoint: &Endpoint, problem: &str) -> Error {
    Error::Broken { place: endpoint.host.clone(), problem: problem.to_owned() }
}
