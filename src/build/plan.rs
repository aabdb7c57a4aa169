//! Locked → Plan: what a build would read, write and send. Moves no layer.

use std::collections::BTreeMap;

use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::build::origin::Origin;
use crate::index;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::recipe::Action;
use crate::recipe::Step;
use crate::transport::Fate;
use crate::transport::Outgoing;
use crate::transport::Sink;

/// What a build would do.
#[derive(Debug)]
pub struct Plan {
    /// The recipe's name.
    pub recipe: String,
    /// The base.
    pub base: ImagePlan,
    /// The donors.
    pub donors: BTreeMap<String, ImagePlan>,
    /// The steps, in words, with the line each stands on.
    pub steps: Vec<(usize, String)>,
    /// What would happen to the base's blobs at each place.
    pub outputs: Vec<OutputPlan>,
}

/// What would be read of an image.
#[derive(Debug)]
pub struct ImagePlan {
    /// The reference as written.
    pub written: String,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Its layers, the top one first: in the order in which a donor is searched.
    pub layers: Vec<(Descriptor, Reading)>,
}

/// How a layer would be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Its index is known from an earlier run.
    Known,
    /// Its blob is in the cache.
    Cached,
    /// It is fetched and read.
    Fetch,
    /// It is fetched only if the layers above it do not have every wanted file.
    Perhaps,
}

/// What publishing would do with the base's blobs.
#[derive(Debug)]
pub struct OutputPlan {
    /// The place.
    pub name: String,
    /// Each blob and its fate. The new layer is not among them: its bytes are not known before it is made.
    pub blobs: Vec<(Descriptor, Fate)>,
}

/// Plans a build.
///
/// # Errors
/// When a place cannot be asked what it has.
pub fn plan(locked: &Locked, sinks: &[Box<dyn Sink>], world: &World<'_>) -> Result<Plan, Error> {
    let donors = locked
        .donors
        .iter()
        .map(|(name, origin)| (name.clone(), read_plan(origin, world, Reading::Perhaps)));
    let outgoing = Outgoing {
        image: &locked.base.image,
        store: world.store,
        origin: locked.base.source.as_ref(),
        base_layers: locked.base.image.manifest.layers.len(),
    };
    let outputs = sinks.iter().map(|sink| {
        Ok(OutputPlan {
            name: sink.name(),
            blobs: sink.plan(&outgoing)?,
        })
    });
    Ok(Plan {
        recipe: locked.recipe.name.clone(),
        base: read_plan(&locked.base, world, Reading::Fetch),
        donors: donors.collect(),
        steps: locked
            .recipe
            .steps
            .iter()
            .map(|step| (step.spot.line, in_words(step)))
            .collect(),
        outputs: outputs.collect::<Result<_, Error>>()?,
    })
}

fn read_plan(origin: &Origin, world: &World<'_>, below: Reading) -> ImagePlan {
    let mut otherwise = Reading::Fetch;
    let mut layers = Vec::new();
    for layer in origin.image.layers().into_iter().rev() {
        let blob = &layer.descriptor;
        let reading = if index::is_known(world.store, &layer) {
            Reading::Known
        } else if world.store.contains(&blob.digest, blob.size) {
            Reading::Cached
        } else {
            otherwise
        };
        // A donor's top layer is always read; what is below it, only when it must be.
        otherwise = below;
        layers.push((layer.descriptor, reading));
    }
    ImagePlan {
        written: origin.written.clone(),
        digest: origin.image.manifest.digest(),
        layers,
    }
}

fn in_words(step: &Step) -> String {
    match &step.action {
        Action::Graft(graft) => {
            let names: Vec<&str> = graft
                .files
                .iter()
                .chain(&graft.optional)
                .map(|(name, _)| name.as_str())
                .collect();
            format!(
                "graft {} of {} {} into {}",
                names.join(", "),
                graft.from,
                graft.root,
                graft.into
            )
        }
        Action::Patch(patch) => format!("patch {} with {}", patch.file, patch.with.path().display()),
        Action::Remove(remove) => format!("remove {}", remove.path),
        Action::Link(link) => format!("link {} to {}", link.path, link.target),
        Action::Write(write) => format!("write {}", write.file),
        Action::Mkdir(mkdir) => format!("make directory {}", mkdir.path),
    }
}

impl ImagePlan {
    /// Bytes that are fetched for certain, and bytes that may have to be.
    #[must_use]
    pub fn bytes_down(&self) -> (u64, u64) {
        let sum = |wanted: Reading| {
            self.layers
                .iter()
                .filter(|(_, reading)| *reading == wanted)
                .map(|(blob, _)| blob.size)
                .sum()
        };
        (sum(Reading::Fetch), sum(Reading::Perhaps))
    }
}

impl OutputPlan {
    /// Bytes of the base that must be sent.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.blobs
            .iter()
            .filter(|(_, fate)| *fate == Fate::Upload)
            .map(|(blob, _)| blob.size)
            .sum()
    }
}
