//! References: how a person names an image, wherever it is (containers-transports(5), distribution-spec `<name>`).

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

use crate::hint::Hint;
use crate::oci::digest::Digest;

/// Names an image in some transport.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `docker://` or no prefix: a registry.
    Registry(RegistryReference),
    /// `oci:DIR[:tag]`: an OCI layout.
    Layout(PathBuf, Option<String>),
    /// `oci-archive:FILE[:tag]`: a tar of a layout.
    OciArchive(PathBuf, Option<String>),
    /// `docker-archive:FILE[:name]`: what `docker save` writes.
    DockerArchive(PathBuf, Option<String>),
    /// `docker-daemon:NAME`: an image in the Docker engine.
    Daemon(String),
    /// `dir:PATH`: an unpacked tree, for audits.
    Directory(PathBuf),
}

/// An image in a registry. When there is a digest it decides; the tag is only remembered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryReference {
    /// Host with port, as the user named it; `docker.io` where none was named.
    pub host: String,
    /// Repository, such as `library/debian`.
    pub repository: String,
    /// Tag.
    pub tag: Option<String>,
    /// Digest of a manifest or index.
    pub digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// Nothing there.
    #[error("the image reference is empty")]
    Empty,
    /// A repository name that no registry takes.
    #[error("`{0}` is not a repository name")]
    Repository(String),
    /// A tag that no registry takes.
    #[error("`{0}` is not a tag")]
    Tag(String),
    /// What follows `@` is no sha256 digest.
    #[error("`{0}` is not a sha256 digest")]
    Digest(String),
    /// A transport that imgforge does not have.
    #[error("`{0}` is a transport that imgforge does not read")]
    Transport(String),
}

impl Hint for ReferenceError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty => "name an image, such as `nvcr.io/nvidia/pytorch:25.06-py3`".to_owned(),
            Self::Repository(name) if name.chars().any(char::is_uppercase) => {
                format!("repository names are lower-case: `{}`", name.to_lowercase())
            }
            Self::Repository(_) => "use lower-case letters, digits and `. _ - /`".to_owned(),
            Self::Tag(_) => "use at most 128 letters, digits, `_`, `.` and `-`".to_owned(),
            Self::Digest(_) => "write `@sha256:` and 64 lower-case hexadecimal digits".to_owned(),
            Self::Transport(name) if name == "containers-storage" => {
                "copy it out first: `skopeo copy containers-storage:IMAGE oci-archive:FILE`".to_owned()
            }
            Self::Transport(_) => {
                "use docker://, oci:, oci-archive:, docker-archive:, docker-daemon: or dir:".to_owned()
            }
        })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let Some((transport, rest)) = text.split_once(':') else {
            return RegistryReference::from_str(text).map(Self::Registry);
        };
        let tagged = || {
            let (path, tag) = rest.split_once(':').map_or((rest, None), |(path, tag)| (path, Some(tag)));
            (PathBuf::from(path), tag.filter(|tag| !tag.is_empty()).map(str::to_owned))
        };
        match transport {
            "docker" => rest.strip_prefix("//").unwrap_or(rest).parse().map(Self::Registry),
            _ if rest.is_empty() => Err(ReferenceError::Empty),
            "oci" => Ok(Self::Layout(tagged().0, tagged().1)),
            "oci-archive" => Ok(Self::OciArchive(tagged().0, tagged().1)),
            "docker-archive" => Ok(Self::DockerArchive(tagged().0, tagged().1)),
            "docker-daemon" => Ok(Self::Daemon(rest.to_owned())),
            "dir" => Ok(Self::Directory(PathBuf::from(rest))),
            "containers-storage" | "ostree" | "sif" | "tarball" => {
                Err(ReferenceError::Transport(transport.to_owned()))
            }
            _ => text.parse().map(Self::Registry),
        }
    }
}

impl FromStr for RegistryReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse().map_err(|_| ReferenceError::Digest(digest.to_owned()))?))
            }
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (name, None),
        };
        let (host, repository) = split_host(name);
        if !is_repository(&repository) {
            return Err(ReferenceError::Repository(repository));
        }
        if let Some(bad) = tag.as_deref().filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(bad.to_owned()));
        }
        Ok(Self { host, repository, tag, digest })
    }
}

/// The first component is a host only if it has a `.` or a `:` or is `localhost` (as Docker and skopeo decide).
fn split_host(name: &str) -> (String, String) {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host.into(), rest.into()),
        Some(_) => ("docker.io".to_owned(), name.to_owned()),
        None => ("docker.io".to_owned(), format!("library/{name}")),
    }
}

fn is_repository(name: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 255
        && name.split('/').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().copied().is_some_and(lower)
                && bytes.last().copied().is_some_and(lower)
                && bytes.iter().all(|b| lower(*b) || matches!(b, b'.' | b'_' | b'-'))
        })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.as_bytes().first().copied().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

impl RegistryReference {
    /// `host/repository`, without tag or digest.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// What has this digest in the same repository, whatever its tag.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// What to ask the registry for: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn version(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None if self.tag.is_none() => f.write_str(":latest"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tagged = |transport: &str, path: &Path, tag: &Option<String>| {
            write!(f, "{transport}:{}", path.display())?;
            tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
        };
        match self {
            Self::Registry(reference) => fmt::Display::fmt(reference, f),
            Self::Layout(path, tag) => tagged("oci", path, tag),
            Self::OciArchive(path, tag) => tagged("oci-archive", path, tag),
            Self::DockerArchive(path, tag) => tagged("docker-archive", path, tag),
            Self::Daemon(name) => write!(f, "docker-daemon:{name}"),
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_in_full() {
        let digest = Digest::of(b"x");
        let pinned = format!("h:5/a/b:t@{digest}");
        for (text, want) in [
            ("debian", "docker.io/library/debian:latest"),
            ("a/b:1", "docker.io/a/b:1"),
            ("localhost/a:1", "localhost/a:1"),
            ("docker://nvcr.io/nvidia/x:1.2", "nvcr.io/nvidia/x:1.2"),
            ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"),
            (pinned.as_str(), pinned.as_str()),
            ("oci:out/base:v1", "oci:out/base:v1"),
            ("oci:out/base", "oci:out/base"),
            ("oci-archive:a.tar", "oci-archive:a.tar"),
            ("docker-archive:a.tar:n:1", "docker-archive:a.tar:n:1"),
            ("docker-daemon:n:1", "docker-daemon:n:1"),
            ("dir:/tmp/x", "dir:/tmp/x"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), want, "{text}");
        }
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        for text in
            ["", "UPPER", "a/b:bad tag", "a@sha256:1", "a//b", "-a", "oci:", "containers-storage:x", "h.x/"]
        {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
