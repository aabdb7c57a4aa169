//! `--mirror HOST[/PATH]=REF`: other places for images than the ones a recipe names.
//!
//! Opens nothing: it turns references into references.

use std::str::FromStr;

use crate::hint::Hint;
use crate::oci::Reference;
use crate::oci::reference::ReferenceError;
use crate::oci::reference::RegistryReference;

/// Transports that name a single place instead of a tree of repositories.
const PLACES: [&str; 6] =
    ["oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "dir:", "containers-storage:"];

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// `host` or `host/path`: matches whole components only.
    prefix: String,
    target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// A registry and perhaps a path in it; what follows the prefix is appended.
    Registry { host: String, path: String },
    /// Anything else.
    Place(Reference),
}

/// Why a text is no rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MirrorError {
    /// No `=`, or nothing on one of its sides.
    #[error("`{0}` is not HOST[/PATH]=REF")]
    Shape(String),
    /// The right side.
    #[error("`{text}` cannot stand for another image")]
    Target {
        /// The right side.
        text: String,
        /// Why not.
        #[source]
        source: ReferenceError,
    },
}

impl Hint for MirrorError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Shape(_) => Some("such as `--mirror nvcr.io/nvidia=oci:images/nvidia`".to_owned()),
            Self::Target { source, .. } => source.hint(),
        }
    }
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || MirrorError::Shape(text.to_owned());
        let (prefix, target) = text.split_once('=').ok_or_else(shape)?;
        let prefix = prefix.strip_prefix("docker://").unwrap_or(prefix).trim_end_matches('/');
        if prefix.is_empty() || target.is_empty() {
            return Err(shape());
        }
        let failed = |source| MirrorError::Target { text: target.to_owned(), source };
        let target = if PLACES.iter().any(|place| target.starts_with(place)) {
            Target::Place(target.parse().map_err(failed)?)
        } else {
            let name = target.strip_prefix("docker://").unwrap_or(target).trim_end_matches('/');
            // It need not be a whole name yet: `localhost:5000` is one once something follows it.
            let whole = RegistryReference::from_str(&format!("{name}/x")).map_err(failed)?;
            let path = whole.repository.rsplit_once('/').map_or("", |(path, _)| path);
            Target::Registry { path: path.to_owned(), host: whole.host }
        };
        Ok(Self { prefix: prefix.to_owned(), target })
    }
}

impl Mirror {
    /// What follows the prefix in `name`; `None` when the rule is about something else.
    fn rest<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(&self.prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
    }
}

/// Where to look for the image that `reference` names: the first place that has it counts.
///
/// Of all rules that match, the one with the longest prefix decides. A registry keeps what follows the prefix,
/// tag and digest; when nothing follows and the rule names only a host, the repository stays. A layout or an archive
/// is first asked for the image with the reference's tag, then for the only image it holds. Without a matching rule
/// the reference itself comes back. It is for the caller to compare a digest in `reference` with what is found.
#[must_use]
pub fn candidates(mirrors: &[Mirror], reference: &Reference) -> Vec<Reference> {
    let Reference::Registry(named) = reference else {
        return vec![reference.clone()];
    };
    let name = named.name();
    let matching = mirrors.iter().filter_map(|mirror| Some((mirror, mirror.rest(&name)?)));
    let Some((mirror, rest)) = matching.max_by_key(|(mirror, _)| mirror.prefix.len()) else {
        return vec![reference.clone()];
    };
    match &mirror.target {
        Target::Registry { host, path } => vec![Reference::Registry(moved(named, host, path, rest))],
        Target::Place(place) => inside(place, named),
    }
}

fn moved(named: &RegistryReference, host: &str, path: &str, rest: &str) -> RegistryReference {
    let parts = [path, rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    RegistryReference {
        host: host.to_owned(),
        repository: if parts.is_empty() { named.repository.clone() } else { parts.join("/") },
        tag: named.tag.clone(),
        digest: named.digest,
    }
}

fn inside(place: &Reference, named: &RegistryReference) -> Vec<Reference> {
    let tag = Some(named.tag.clone().unwrap_or_else(|| "latest".to_owned()));
    let full = RegistryReference { digest: None, ..named.clone() };
    let tagged = match place {
        Reference::Layout(path, None) => Reference::Layout(path.clone(), tag),
        Reference::OciArchive(path, None) => Reference::OciArchive(path.clone(), tag),
        Reference::DockerArchive(path, None) => {
            Reference::DockerArchive(path.clone(), Some(full.to_string()))
        }
        other => return vec![other.clone()],
    };
    vec![tagged, place.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrored(rules: &[&str], reference: &str) -> Vec<String> {
        let mirrors = rules.iter().map(|rule| rule.parse().unwrap()).collect::<Vec<_>>();
        let found = candidates(&mirrors, &reference.parse().unwrap());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_longest_prefix_of_whole_components_decides() {
        let rules = [
            "nvcr.io=localhost:5000",
            "nvcr.io/nvidia=127.0.0.1:5001/nv",
            "nvcr.io/nvidia/tensorrt-llm/release=oci:out/trtllm",
            "docker.io=docker://mirror.example/hub/",
        ];
        for (reference, want) in [
            ("nvcr.io/nvidia/x:1", vec!["127.0.0.1:5001/nv/x:1"]),
            ("nvcr.io/nvidias/x:1", vec!["localhost:5000/nvidias/x:1"]),
            (
                "nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc5",
                vec!["oci:out/trtllm:1.2.0rc5", "oci:out/trtllm"],
            ),
            ("debian", vec!["mirror.example/hub/library/debian:latest"]),
            ("quay.io/a/b:1", vec!["quay.io/a/b:1"]),
            ("oci:some/where:x", vec!["oci:some/where:x"]),
        ] {
            assert_eq!(mirrored(&rules, reference), want, "{reference}");
        }
    }

    #[test]
    fn places_are_asked_for_the_tag_first() {
        for (rule, want) in [
            ("h.io/a=oci:dir:v9", vec!["oci:dir:v9"]),
            ("h.io/a=oci-archive:f.tar", vec!["oci-archive:f.tar:1", "oci-archive:f.tar"]),
            ("h.io/a=docker-archive:f.tar", vec!["docker-archive:f.tar:h.io/a:1", "docker-archive:f.tar"]),
            ("h.io/a=docker-daemon:x:2", vec!["docker-daemon:x:2"]),
            ("h.io/a=localhost:5000", vec!["localhost:5000/a:1"]),
            ("h.io/a=localhost:5000/b", vec!["localhost:5000/b:1"]),
        ] {
            assert_eq!(mirrored(&[rule], "h.io/a:1"), want, "{rule}");
        }
    }

    #[test]
    fn digests_are_kept() {
        let pinned = format!("h.io/a@{}", crate::oci::Digest::of(b"x"));
        assert_eq!(mirrored(&["h.io=localhost:5000"], &pinned), [pinned.replace("h.io", "localhost:5000")]);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "h.io", "=x", "h.io=", "h.io=oci:", "h.io=UPPER/x"] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }
}
