//! From a reference to the place it names.

use std::path::Path;

use crate::oci::Reference;
use crate::progress::Progress;
use crate::store::Store;
use crate::transport::Sink;
use crate::transport::Source;
use crate::transport::archive::ArchiveSink;
use crate::transport::archive::ArchiveSource;
use crate::transport::daemon;
use crate::transport::daemon::DaemonOptions;
use crate::transport::daemon::DaemonSink;
use crate::transport::error::Error;
use crate::transport::layout::LayoutSink;
use crate::transport::layout::LayoutSource;
use crate::transport::layout::Pick;
use crate::transport::metered::Metered;
use crate::transport::mirror;
use crate::transport::mirror::Mirror;
use crate::transport::registry::Registry;
use crate::transport::registry::RegistryOptions;
use crate::transport::traffic::Traffic;

/// How places are reached: credentials, mirrors, the engine's socket. Connects to nothing by itself.
pub struct Places {
    registry: Registry,
    mirrors: Vec<Mirror>,
    daemon: DaemonOptions,
    traffic: Traffic,
}

impl Places {
    /// Puts the settings together.
    ///
    /// # Errors
    /// When a certificate file cannot be used.
    pub fn new(
        registry: RegistryOptions,
        mirrors: Vec<Mirror>,
        docker_host: Option<String>,
    ) -> Result<Self, Error> {
        let traffic = registry.traffic.clone();
        let registry = Registry::new(registry)?;
        Ok(Self { registry, mirrors, daemon: DaemonOptions { host: docker_host }, traffic })
    }

    /// What moved so far through everything that was opened here.
    #[must_use]
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Opens the image that `reference` names, at its mirror where there is one. An image of an engine is
    /// exported to a nameless file of the store first.
    ///
    /// # Errors
    /// When the place cannot be opened; for a registry that shows only when it is read.
    pub fn source(
        &self,
        reference: &Reference,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Source>, Error> {
        let candidates = mirror::candidates(&self.mirrors, reference);
        let last = candidates.len().saturating_sub(1);
        for candidate in &candidates[..last] {
            let source = self.open(candidate, store, progress);
            // Only "not there" leads on: a broken place must not be hidden by the next one.
            match source.and_then(|source| source.root().map(|_| source)) {
                Err(Error::NotFound { .. }) => {}
                other => return other,
            }
        }
        self.open(candidates.last().unwrap_or(reference), store, progress)
    }

    fn open(
        &self,
        reference: &Reference,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Source>, Error> {
        let scratch = store.temporary();
        let traffic = &self.traffic;
        Ok(match reference {
            Reference::Registry(reference) => Box::new(self.registry.source(reference)),
            Reference::Layout(path, tag) => {
                Box::new(Metered::new(LayoutSource::new(path, tag.as_deref()), traffic))
            }
            Reference::OciArchive(path, tag) => {
                let source = ArchiveSource::open_oci(path, &Pick::of(tag.as_deref()), &scratch)?;
                Box::new(Metered::new(source, traffic))
            }
            Reference::DockerArchive(path, tag) => {
                let source = ArchiveSource::open_docker(path, &Pick::of(tag.as_deref()), &scratch)?;
                Box::new(Metered::new(source, traffic))
            }
            Reference::Daemon(name) => {
                Box::new(Metered::new(daemon::export(name, &self.daemon, &scratch, progress)?, traffic))
            }
            Reference::Directory(path) => return Err(directory(path)),
        })
    }

    /// Opens the place that `reference` names, to publish to, as an image called `name` where the reference gives
    /// none. Mirrors are for reading only.
    ///
    /// # Errors
    /// When nothing can be published there.
    pub fn sink(&self, reference: &Reference, name: &str) -> Result<Box<dyn Sink>, Error> {
        Ok(match reference {
            Reference::Registry(reference) => Box::new(self.registry.sink(reference)),
            Reference::Layout(path, tag) => Box::new(LayoutSink::new(path, tag.as_deref())),
            Reference::OciArchive(path, tag) => Box::new(ArchiveSink::oci(path, tag.as_deref(), Some(name))),
            Reference::DockerArchive(path, name) => Box::new(ArchiveSink::docker(path, name.as_deref())),
            Reference::Daemon(name) => Box::new(DaemonSink::new(name, self.daemon.clone())),
            Reference::Directory(path) => return Err(directory(path)),
        })
    }
}

fn directory(path: &Path) -> Error {
    Error::Unsupported {
        place: format!("dir:{}", path.display()),
        problem: "an unpacked tree has no manifest and no layers".to_owned(),
        advice: "name an image: a registry, oci:, oci-archive:, docker-archive: or docker-daemon:".to_owned(),
    }
}
