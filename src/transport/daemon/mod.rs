//! Images in a Docker engine: read by export, written by load.
//!
//! Of a load only the result is believed. An engine that has the base gets the new layers alone: the classic
//! store looks a layer up by its chain before it opens the file, the containerd store skips snapshots it has.
//! Whether that worked is read back from the engine, for one of the stores reports success on failure.

mod engine;

use std::fmt;
use std::path::Path;

use crate::oci::Compression;
use crate::oci::Descriptor;
use crate::oci::media_type;
use crate::progress::Progress;
use crate::transport::Fate;
use crate::transport::Outgoing;
use crate::transport::Receipt;
use crate::transport::Sink;
use crate::transport::archive::ArchiveName;
use crate::transport::archive::ArchiveSource;
use crate::transport::archive::bundle::Bundle;
use crate::transport::blob;
use crate::transport::daemon::engine::Engine;
use crate::transport::daemon::engine::Known;
use crate::transport::error::Error;
use crate::transport::layout::failed;
use crate::transport::layout::sink::blobs;

/// The first Docker that reads zstd layers in an archive (moby 23.0); 20.10 says `unexpected EOF`.
const ZSTD_SINCE: u32 = 23;

/// How to reach the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonOptions {
    /// What `DOCKER_HOST` says: `unix://…` or `tcp://…`; the usual socket when absent or empty.
    pub host: Option<String>,
}

/// Exports the image that `docker-daemon:NAME` means into a nameless file in `scratch` and opens it.
///
/// # Errors
/// When the engine cannot be reached, does not have the image, or breaks off.
pub fn export(
    name: &str,
    options: &DaemonOptions,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<ArchiveSource, Error> {
    let engine = Engine::connect(options.host.as_deref())?;
    let shown = format!("docker-daemon:{name}");
    if engine.inspect(name)?.is_none() {
        return Err(Error::NotFound { what: name.to_owned(), place: engine.place().to_owned() });
    }
    let mut file = tempfile::tempfile_in(scratch).map_err(failed("write", scratch))?;
    let task = progress.begin(&format!("export {name}"), None);
    engine.export(name, &mut file, &*task)?;
    ArchiveSource::of_export(file, shown)
}

/// An engine to load an image into.
#[derive(Clone)]
pub struct DaemonSink {
    wanted: String,
    name: ArchiveName,
    options: DaemonOptions,
}

impl fmt::Debug for DaemonSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl DaemonSink {
    /// The engine that `options` lead to; the image will be called `name`, with `latest` for a missing tag.
    #[must_use]
    pub fn new(name: &str, options: DaemonOptions) -> Self {
        Self { wanted: name.to_owned(), name: ArchiveName::of_image(Some(name)), options }
    }

    fn tag(&self) -> Result<String, Error> {
        self.name.familiar().ok_or_else(|| Error::Unsupported {
            place: self.name(),
            problem: format!("`{}` is no name for an image", self.wanted),
            advice: "write it as NAME[:TAG], in lower case".to_owned(),
        })
    }

    /// One load and a look at what came of it. `Ok(Err(why))`: the engine says or shows that it is not there.
    fn attempt(
        &self,
        engine: &Engine,
        outgoing: &Outgoing<'_>,
        left_out: usize,
        progress: &dyn Progress,
    ) -> Result<Result<(), String>, Error> {
        let tag = self.tag()?;
        refuse_zstd(engine, &outgoing.image.manifest.layers[left_out..])?;
        let before = engine.inspect(&tag)?;
        let bundle = Bundle { outgoing, name: &self.name, left_out };
        let failed =
            |source| Error::Unreachable { place: engine.place().to_owned(), source: Box::new(source) };
        let said = engine.load(&mut |out| bundle.write(out, &failed, progress));
        let said = match said {
            Ok(said) => said,
            Err(Error::Refused { message, .. }) => message,
            Err(error) => return Err(error),
        };
        let after = engine.inspect(&tag).unwrap_or(None);
        if after.as_ref().is_some_and(|known| is_same(known, outgoing)) {
            return Ok(Ok(()));
        }
        // A name that this load made leads to something broken; one that was there before is not ours to take.
        if before != after || after.is_none() {
            drop(engine.untag(&tag));
        }
        Ok(Err(said))
    }
}

impl Sink for DaemonSink {
    fn name(&self) -> String {
        format!("docker-daemon:{}", self.wanted)
    }

    fn plan(&self, outgoing: &Outgoing<'_>) -> Result<Vec<(Descriptor, Fate)>, Error> {
        let engine = Engine::connect(self.options.host.as_deref())?;
        Ok(fates(outgoing, present(&engine, outgoing)?))
    }

    fn publish(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<Receipt, Error> {
        let engine = Engine::connect(self.options.host.as_deref())?;
        let mut left_out = present(&engine, outgoing)?;
        let mut outcome =
            blob::twice_if_damaged(&mut || self.attempt(&engine, outgoing, left_out, progress))?;
        if outcome.is_err() && left_out > 0 {
            left_out = 0;
            outcome = blob::twice_if_damaged(&mut || self.attempt(&engine, outgoing, 0, progress))?;
        }
        if let Err(said) = outcome {
            return Err(Error::Refused {
                place: engine.place().to_owned(),
                status: 500,
                message: if said.is_empty() {
                    "the image is not there after the load".to_owned()
                } else {
                    said
                },
            });
        }
        Ok(Receipt {
            name: self.name(),
            digest: outgoing.image.manifest.digest(),
            blobs: fates(outgoing, left_out),
        })
    }
}

/// How many of the lowest layers some image of the engine has, in this order.
fn present(engine: &Engine, outgoing: &Outgoing<'_>) -> Result<usize, Error> {
    let ours = diff_ids(outgoing);
    let mut longest = 0;
    for id in engine.images()? {
        // An image may go between the list and the look.
        let Some(known) = engine.inspect(&id)? else {
            continue;
        };
        let common = known.diff_ids.iter().zip(&ours).take_while(|(a, b)| a == b);
        longest = longest.max(common.count());
    }
    Ok(longest)
}

fn diff_ids(outgoing: &Outgoing<'_>) -> Vec<String> {
    let ids = outgoing.image.config.diff_ids();
    ids.iter().map(ToString::to_string).collect()
}

/// The classic store names an image by its configuration, the containerd store by its manifest.
fn is_same(known: &Known, outgoing: &Outgoing<'_>) -> bool {
    let image = outgoing.image;
    let ids = [image.config.digest(), image.manifest.digest()];
    ids.iter().any(|id| id.to_string() == known.id) && known.diff_ids == diff_ids(outgoing)
}

fn fates(outgoing: &Outgoing<'_>, left_out: usize) -> Vec<(Descriptor, Fate)> {
    let fate = |position| {
        if position < left_out { Fate::Present } else { Fate::Upload }
    };
    let blobs = blobs(outgoing).into_iter().enumerate();
    let layers = outgoing.image.manifest.layers.len();
    blobs
        .map(|(position, blob)| {
            let config = position == layers;
            (blob, if config { Fate::Upload } else { fate(position) })
        })
        .collect()
}

/// Only what is sent matters: layers that the engine has are not read by it.
fn refuse_zstd(engine: &Engine, sent: &[Descriptor]) -> Result<(), Error> {
    let zstd =
        |layer: &Descriptor| media_type::layer_compression(&layer.media_type) == Some(Compression::Zstd);
    match engine.major() {
        Some(major) if major < ZSTD_SINCE && sent.iter().any(zstd) => Err(Error::Unsupported {
            place: engine.place().to_owned(),
            problem: format!("Docker {major} does not read zstd layers"),
            advice: format!("build with gzip layers, or load into Docker {ZSTD_SINCE} or newer"),
        }),
        _ => Ok(()),
    }
}
