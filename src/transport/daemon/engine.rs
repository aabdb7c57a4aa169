//! The Docker engine's API as plain calls. The only file that names bollard; its runtime is its own.

use std::io;
use std::io::Write;
use std::path::Path;

use bollard::ClientVersion;
use bollard::Docker;
use bollard::query_parameters::ImportImageOptionsBuilder;
use bollard::query_parameters::ListImagesOptions;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::progress::Task;
use crate::transport::error::Error;

/// Seconds. A load of 30 GB answers when it is done; the usual two minutes end it half-way (bollard#503).
const TIMEOUT: u64 = 12 * 3600;
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Chunks on their way to the engine.
const QUEUE: usize = 8;
/// How much of what the engine says is kept for messages.
const MAX_TALK: usize = 4096;

/// A connection to an engine.
pub(super) struct Engine {
    runtime: tokio::runtime::Runtime,
    docker: Docker,
    place: String,
    major: Option<u32>,
}

/// What an engine knows of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Digest of the configuration (classic store) or of the manifest (containerd store).
    pub(super) id: String,
    /// `RootFS.Layers`.
    pub(super) diff_ids: Vec<String>,
}

impl Engine {
    /// Connects to `host` as `DOCKER_HOST` names it and agrees on a version of the API.
    pub(super) fn connect(host: Option<&str>) -> Result<Self, Error> {
        let host = host.filter(|host| !host.is_empty()).unwrap_or(DEFAULT_HOST);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| unreachable(host, error))?;
        let newest = bollard::API_DEFAULT_VERSION;
        let docker = open(host, newest)?;
        let (docker, version) = runtime
            .block_on(async {
                let docker = docker.negotiate_version().await?;
                let version = docker.version().await?;
                Ok((docker, version))
            })
            .map_err(|error| translate(host, "engine", error))?;
        // Podman answers here too, with version numbers of its own.
        let components = version.components.unwrap_or_default();
        let docker_engine = components.iter().any(|part| part.name == "Engine");
        let major = version.version.filter(|_| docker_engine);
        let major = major.and_then(|text| text.split('.').next()?.parse().ok());
        Ok(Self { runtime, docker, place: host.to_owned(), major })
    }

    /// Where it is, as the user named it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The first number of Docker's version; `None` for engines that only speak its language.
    pub(super) const fn major(&self) -> Option<u32> {
        self.major
    }

    /// The image of this name or id, `None` when there is none.
    pub(super) fn inspect(&self, name: &str) -> Result<Option<Known>, Error> {
        let found = match self.runtime.block_on(self.docker.inspect_image(name)) {
            Ok(found) => found,
            Err(error) => {
                return match translate(&self.place, name, error) {
                    Error::NotFound { .. } => Ok(None),
                    error => Err(error),
                };
            }
        };
        let layers = found.root_fs.and_then(|root| root.layers);
        Ok(found.id.map(|id| Known { id, diff_ids: layers.unwrap_or_default() }))
    }

    /// The ids of all images that have a name or are in use.
    pub(super) fn images(&self) -> Result<Vec<String>, Error> {
        let call = self.docker.list_images(None::<ListImagesOptions>);
        let images = self.runtime.block_on(call);
        let images = images.map_err(|error| translate(&self.place, "images", error))?;
        let mut ids: Vec<String> = images.into_iter().map(|image| image.id).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Takes the name away. The layers of other images stay, named or not.
    pub(super) fn untag(&self, name: &str) -> Result<(), Error> {
        let options = RemoveImageOptionsBuilder::default().noprune(true).build();
        let call = self.docker.remove_image(name, Some(options), None);
        let removed = self.runtime.block_on(call);
        removed.map(drop).map_err(|error| translate(&self.place, name, error))
    }

    /// Writes what `docker save NAME` would.
    pub(super) fn export(&self, name: &str, out: &mut dyn Write, task: &dyn Task) -> Result<(), Error> {
        let mut stream = std::pin::pin!(self.docker.export_image(name));
        while let Some(chunk) = self.runtime.block_on(stream.next()) {
            let chunk = chunk.map_err(|error| translate(&self.place, name, error))?;
            out.write_all(&chunk).map_err(|source| Error::Io {
                action: "write",
                path: Path::new("export").to_owned(),
                source,
            })?;
            task.advance(chunk.len() as u64);
        }
        Ok(())
    }

    /// Loads the archive that `write` produces; returns what the engine said. That it did not fail does *not*
    /// mean that the image is there.
    ///
    /// # Errors
    /// The engine's own word where there is one; else whatever `write` returned.
    pub(super) fn load(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<String, Error> {
        let (sender, receiver) = mpsc::channel::<io::Result<Vec<u8>>>(QUEUE);
        let upload = self.runtime.spawn(upload(self.docker.clone(), receiver));
        let mut pipe = Pipe { sender: sender.clone(), closed: false };
        let mut out = io::BufWriter::with_capacity(1 << 18, &mut pipe);
        let written = write(&mut out);
        // Dropping it would write the rest of a failed archive.
        drop(out.into_parts());
        if written.is_err() && !pipe.closed {
            // Break the request off: an archive cut short must not look like a whole one.
            drop(sender.blocking_send(Err(io::Error::other("the archive could not be made"))));
        }
        let closed = pipe.closed;
        drop((pipe, sender));
        let answer = self.runtime.block_on(upload);
        match (written, answer) {
            (Err(error), _) if !closed => Err(error),
            (_, Ok(Ok(talk))) => Ok(talk.trim().to_owned()),
            (_, Ok(Err(error))) => Err(translate(&self.place, "image", error)),
            (_, Err(error)) => Err(unreachable(&self.place, error)),
        }
    }
}

/// Sends what comes through `receiver`; returns what the engine says until it is done.
async fn upload(
    docker: Docker,
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
) -> Result<String, bollard::errors::Error> {
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk.map(Into::into), receiver))
    });
    let options = ImportImageOptionsBuilder::default().build();
    let mut answers = std::pin::pin!(docker.import_image_stream(options, body, None));
    let mut talk = String::new();
    while let Some(answer) = answers.next().await {
        let text = answer?.stream.unwrap_or_default();
        if talk.len() + text.len() <= MAX_TALK {
            talk.push_str(&text);
        }
    }
    Ok(talk)
}

/// The writing end of a request's body.
struct Pipe {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    /// The engine stopped listening: its answer says why.
    closed: bool,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.sender.blocking_send(Ok(bytes.to_vec())).is_err() {
            self.closed = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(host: &str, version: &ClientVersion) -> Result<Docker, Error> {
    let opened = if host.starts_with("unix://") {
        Docker::connect_with_unix(host, TIMEOUT, version)
    } else if host.starts_with("tcp://") || host.starts_with("http://") {
        Docker::connect_with_http(host, TIMEOUT, version)
    } else {
        return Err(Error::Unsupported {
            place: host.to_owned(),
            problem: "only `unix://` and `tcp://` are spoken here".to_owned(),
            advice: "set DOCKER_HOST to the engine's socket, such as `unix:///var/run/docker.sock`"
                .to_owned(),
        });
    };
    opened.map_err(|error| translate(host, "engine", error))
}

fn unreachable(place: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unreachable { place: place.to_owned(), source: Box::new(error) }
}

/// An error inside an answer that began well counts as status 500.
fn translate(place: &str, what: &str, error: bollard::errors::Error) -> Error {
    let place = place.to_owned();
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. } => {
            Error::NotFound { what: what.to_owned(), place }
        }
        bollard::errors::Error::DockerResponseServerError { status_code, message } => {
            Error::Refused { place, status: status_code, message }
        }
        bollard::errors::Error::DockerStreamError { error } => {
            Error::Refused { place, status: 500, message: error }
        }
        error => unreachable(&place, error),
    }
}
