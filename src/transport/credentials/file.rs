//! One `config.json` or `auth.json`: which of its entries speaks for a repository.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use serde::Deserialize;

use crate::transport::credentials::Credential;
use crate::transport::credentials::Problem;
use crate::transport::credentials::Secret;
use crate::transport::credentials::helper;

/// Docker Hub's name in files and helpers, from the days of its first protocol.
const HUB_SERVER: &str = "https://index.docker.io/v1/";
/// Other names under which Docker Hub is found in files.
const HUB_HOSTS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// `docker login` pads, other writers do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Looks into the file at `path`: helper of the host, then entries, the most specific first, then the file's store.
/// A file that is not there gives `None`.
pub(super) fn find(path: &Path, host: &str, repository: &str) -> Result<Option<Credential>, Problem> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Problem::Unreadable { path: path.to_owned(), source });
        }
    };
    let config: Config = serde_json::from_slice(&bytes).map_err(|error| Problem::Malformed {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let hub = HUB_HOSTS.contains(&host);
    let server = if hub { HUB_SERVER } else { host };
    for (key, name) in config.cred_helpers.iter().flatten() {
        if same_host(&host_of(key), host) {
            return helper::get(name, server);
        }
    }
    for wanted in keys(host, repository) {
        for (key, entry) in config.auths.iter().flatten() {
            let Some(entry) = entry else { continue };
            if same_host(&host_of(key), &wanted)
                && let Some(credential) = entry.credential(path, key)?
            {
                return Ok(Some(credential));
            }
        }
    }
    match config.creds_store.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => helper::get(name, server),
    }
}

/// `host/a/b`, `host/a`, `host`.
fn keys(host: &str, repository: &str) -> Vec<String> {
    let mut key = format!("{host}/{repository}");
    let mut keys = vec![key.clone()];
    while let Some((shorter, _)) = key.rsplit_once('/') {
        keys.push(shorter.to_owned());
        key = shorter.to_owned();
    }
    keys
}

/// A key without what older Docker versions wrote around the host.
fn host_of(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    key.to_owned()
}

fn same_host(key: &str, wanted: &str) -> bool {
    let hub = |name: &str| HUB_HOSTS.contains(&name);
    key == wanted || (hub(key) && hub(wanted))
}

impl Entry {
    /// What the entry says. Docker leaves an empty entry behind where a store holds the secret: that is `None`.
    fn credential(&self, path: &Path, key: &str) -> Result<Option<Credential>, Problem> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.registrytoken) {
            return Ok(Some(Credential::Bearer(Secret::new(token))));
        }
        if let Some(token) = filled(&self.identitytoken) {
            return Ok(Some(Credential::Identity(Secret::new(token))));
        }
        let (user, password) = match (filled(&self.auth), filled(&self.username)) {
            (Some(auth), _) => {
                decode(&auth).ok_or_else(|| Problem::Auth { path: path.to_owned(), key: key.to_owned() })?
            }
            (None, Some(user)) => (user, self.password.clone().unwrap_or_default()),
            (None, None) => return Ok(None),
        };
        let password = Secret::new(password);
        Ok(Some(if user == helper::TOKEN_USER {
            Credential::Identity(password)
        } else {
            Credential::Password { user, password }
        }))
    }
}

/// `user:password` out of base64; some writers end it with NUL bytes.
fn decode(auth: &str) -> Option<(String, String)> {
    let bytes = BASE64.decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(config: &str, host: &str, repository: &str) -> Result<Option<Credential>, Problem> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        find(&path, host, repository)
    }

    fn password(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Password { user: user.to_owned(), password: Secret::new(password.to_owned()) })
    }

    /// The shapes that `docker login`, `podman login`, NGC, ECR and hand-written files have.
    #[test]
    fn t41_every_shape_of_entry_is_read() {
        let identity = |text: &str| Some(Credential::Identity(Secret::new(text.to_owned())));
        for (entry, want) in [
            (r#"{"auth":"YWxpY2U6czNjcmV0"}"#, password("alice", "s3cret")),
            (r#"{"auth":"YTpi"}"#, password("a", "b")),
            (r#"{"auth":"YTpiYg=="}"#, password("a", "bb")),
            (r#"{"auth":"YTpiYg"}"#, password("a", "bb")),
            (r#"{"auth":"YTpiOmMA"}"#, password("a", "b:c")),
            (r#"{"auth":"JG9hdXRodG9rZW46a2V5"}"#, password("$oauthtoken", "key")),
            (r#"{"username":"u","password":"p"}"#, password("u", "p")),
            (r#"{"auth":"","identitytoken":"refresh"}"#, identity("refresh")),
            (r#"{"auth":"PHRva2VuPjpyZWZyZXNo"}"#, identity("refresh")),
            (r#"{"registrytoken":"t"}"#, Some(Credential::Bearer(Secret::new("t".to_owned())))),
            ("{}", None),
            ("null", None),
        ] {
            let config = format!(r#"{{"auths":{{"h:5000":{entry}}},"unknown":[1]}}"#);
            assert_eq!(ask(&config, "h:5000", "r").unwrap(), want, "{entry}");
        }
    }

    #[test]
    fn t41_the_most_specific_key_wins() {
        let config = r#"{"auths":{
            "q.io":{"auth":"aG9zdDp4"}, "q.io/team":{"auth":"dGVhbTp4"}, "q.io/team/app":{"auth":"YXBwOng="},
            "https://old.io/v1/":{"auth":"b2xkOng="}, "https://index.docker.io/v1/":{"auth":"aHViOng="}}}"#;
        for (host, repository, user) in [
            ("q.io", "team/app", "app"),
            ("q.io", "team/other", "team"),
            ("q.io", "teams/app", "host"),
            ("old.io", "x", "old"),
            ("docker.io", "library/debian", "hub"),
        ] {
            assert_eq!(ask(config, host, repository).unwrap(), password(user, "x"), "{host}/{repository}");
        }
        assert_eq!(ask(config, "elsewhere.io", "x").unwrap(), None);
    }

    #[test]
    fn t41_what_cannot_be_used_is_named_without_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let error = find(directory.path(), "h", "r").unwrap_err();
        assert!(matches!(error, Problem::Unreadable { .. }), "{error}");
        let error = ask(r#"{"auths": s3cret"#, "h", "r").unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("s3cret"), "{error}");
        let error = ask(r#"{"auths":{"h":{"auth":"s3cret"}}}"#, "h", "r").unwrap_err();
        assert!(matches!(&error, Problem::Auth { key, .. } if key == "h"), "{error}");
        assert_eq!(find(&directory.path().join("none"), "h", "r").unwrap(), None);
        let error = ask(r#"{"credsStore":"imgforge-has-no-such"}"#, "h", "r").unwrap_err();
        assert!(matches!(error, Problem::NoHelper { .. }), "{error}");
    }
}
