//! `WWW-Authenticate`: what a registry wants to see (RFC 9110 §11.6.1, distribution's token protocol).

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use reqwest::header::WWW_AUTHENTICATE;

/// How a registry wants to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token that is had elsewhere.
    Bearer {
        /// Where.
        realm: String,
        /// For which service; some servers name none.
        service: Option<String>,
        /// Scopes that the registry names itself.
        scopes: Vec<String>,
    },
}

impl Challenge {
    /// The challenge of an answer. Bearer is taken before Basic where both are offered; other schemes are not known.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut basic = None;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            for (scheme, mut fields) in value.to_str().map(schemes).unwrap_or_default() {
                if scheme == "bearer" {
                    let scopes = fields.remove("scope").unwrap_or_default();
                    return Some(Self::Bearer {
                        realm: fields.remove("realm").unwrap_or_default(),
                        service: fields.remove("service"),
                        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                    });
                }
                if scheme == "basic" {
                    basic = Some(Self::Basic);
                }
            }
        }
        basic
    }
}

type Scheme = (String, BTreeMap<String, String>);

/// Splits a header value into schemes and their fields; what cannot be understood ends the reading.
fn schemes(value: &str) -> Vec<Scheme> {
    let mut found: Vec<Scheme> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '=', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return found;
        }
        match (after.trim_start_matches(' ').strip_prefix('='), found.last_mut()) {
            (Some(text), Some((_, fields))) => {
                let Some((text, after)) = field(text.trim_start_matches(' ')) else {
                    return found;
                };
                fields.insert(word.to_ascii_lowercase(), text);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push((word.to_ascii_lowercase(), BTreeMap::new()));
                rest = after;
            }
        }
    }
}

/// A quoted string or a token, and what follows it.
fn field(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, letter) in quoted.char_indices() {
        match letter {
            _ if escaped => {
                value.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((value, &quoted[at + 1..])),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scopes: &[&str]) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        })
    }

    #[test]
    fn challenges_are_read() {
        for (value, want) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#,
                bearer("https://auth.docker.io/token", Some("registry.docker.io"), &[]),
            ),
            (
                r#"bearer service=s , realm="https://a/?x=1,2", scope="repository:a:pull,push repository:b:pull""#,
                bearer("https://a/?x=1,2", Some("s"), &["repository:a:pull,push", "repository:b:pull"]),
            ),
            (r#"Basic realm="say \"x\"", Bearer realm="https://t""#, bearer("https://t", None, &[])),
            (r#"Basic realm="Registry Realm""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Negotiate", None),
            (r#"Bearer realm="open"#, bearer("", None, &[])),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value.parse().unwrap())]);
            assert_eq!(Challenge::of(&headers), want, "{value}");
        }
    }
}
