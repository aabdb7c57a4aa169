//! What an image in an archive is called: Docker's `RepoTags`, the layout's tag, containerd's full name.

use std::collections::BTreeMap;

use crate::oci::reference::RegistryReference;
use crate::transport::layout::listing::IMAGE_NAME;
use crate::transport::layout::listing::REF_NAME;

/// The names that an archive gives to its image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveName {
    tag: Option<String>,
    image: Option<RegistryReference>,
}

impl ArchiveName {
    /// For `oci-archive:FILE[:tag]`. A bare tag names no repository, so Docker gets `repository:tag`;
    /// without `repository` Docker loads an image that has no name.
    #[must_use]
    pub fn of_tag(tag: Option<&str>, repository: Option<&str>) -> Self {
        let full = match (tag, repository) {
            (Some(tag), _) if tag.contains(['/', ':']) => Some(tag.to_owned()),
            (tag, Some(repository)) => Some(format!("{repository}:{}", tag.unwrap_or("latest"))),
            (_, None) => None,
        };
        Self { tag: tag.map(str::to_owned), image: full.and_then(|full| full.parse().ok()) }
    }

    /// For `docker-archive:FILE[:name]` and `docker-daemon:name`; `latest` where the name has no tag.
    /// A name that no registry would take gives an image without a name.
    #[must_use]
    pub fn of_image(name: Option<&str>) -> Self {
        let image: Option<RegistryReference> = name.and_then(|name| name.parse().ok());
        let tag = |image: &RegistryReference| image.tag.clone().unwrap_or_else(|| "latest".to_owned());
        Self { tag: image.as_ref().map(tag), image }
    }

    /// The full name, such as `docker.io/library/app:1`.
    #[must_use]
    pub fn full(&self) -> Option<String> {
        let image = self.image.as_ref()?;
        Some(format!("{}:{}", image.name(), image.tag.as_deref().unwrap_or("latest")))
    }

    /// The name as Docker shows it, such as `app:1`.
    #[must_use]
    pub fn familiar(&self) -> Option<String> {
        self.full().map(|full| familiar(&full))
    }

    /// The annotations of the image's entry in `index.json`.
    pub(in crate::transport) fn annotations(&self) -> BTreeMap<String, String> {
        let pairs = [(IMAGE_NAME, self.full()), (REF_NAME, self.tag.clone())];
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// A name without what Docker leaves out, and with the tag that it adds: one form for comparing.
pub(super) fn familiar(name: &str) -> String {
    let Ok(parsed) = name.parse::<RegistryReference>() else {
        return name.to_owned();
    };
    let full = format!("{}:{}", parsed.name(), parsed.tag.as_deref().unwrap_or("latest"));
    let short = full.strip_prefix("docker.io/").unwrap_or(&full);
    short.strip_prefix("library/").unwrap_or(short).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_gets_the_name_it_knows() {
        let by_tag = |tag, repository| ArchiveName::of_tag(tag, repository);
        for (name, tag, docker) in [
            (by_tag(Some("v1"), Some("app")), Some("v1"), Some("app:v1")),
            (by_tag(None, Some("app")), None, Some("app:latest")),
            (by_tag(Some("v1"), None), Some("v1"), None),
            (by_tag(Some("q.io/a/b:2"), Some("app")), Some("q.io/a/b:2"), Some("q.io/a/b:2")),
            (ArchiveName::of_image(Some("a/b")), Some("latest"), Some("a/b:latest")),
            (ArchiveName::of_image(Some("docker.io/library/a:1")), Some("1"), Some("a:1")),
            (ArchiveName::of_image(None), None, None),
        ] {
            assert_eq!(name.tag.as_deref(), tag);
            assert_eq!(name.familiar().as_deref(), docker);
        }
    }
}
