//! Locked → Plan: what a build would read, write and send. Moves no layer.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::fetch;
use crate::build::origin::Origin;
use crate::build::whole;
use crate::build::whole::Whole;
use crate::edit;
use crate::edit::Decided;
use crate::edit::What;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::ImagePath;
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
    /// The steps, in the recipe's order.
    pub steps: Vec<StepPlan>,
    /// What each path comes to, when the trees are known from earlier runs; else nothing.
    pub files: Option<Vec<FilePlan>>,
    /// Layers of donors that would stand in the result as they are, unless the base has all their files already. Known
    /// when the files are.
    pub whole: Vec<Whole>,
    /// What would happen to the base's blobs at each place.
    pub outputs: Vec<OutputPlan>,
}

/// A step as the recipe has it.
#[derive(Debug)]
pub struct StepPlan {
    /// Its line in the recipe.
    pub line: usize,
    /// What it does, in words.
    pub words: String,
    /// What a graft asks for.
    pub patterns: Vec<PatternPlan>,
}

/// A file or glob that a graft asks for.
#[derive(Debug)]
pub struct PatternPlan {
    /// Its line in the recipe.
    pub line: usize,
    /// As written.
    pub pattern: String,
    /// Whether the donor may lack it.
    pub optional: bool,
}

/// What happens to one path.
#[derive(Debug)]
pub struct FilePlan {
    /// The path in the result.
    pub path: ImagePath,
    /// Line of the recipe that asks for it.
    pub line: usize,
    /// What happens: `graft`, `patch`, `write`, `link`, `mkdir` or `remove`.
    pub action: &'static str,
    /// Length in bytes of what will be there, where that is known before bytes are read.
    pub size: Option<u64>,
    /// Length in bytes of the regular file that is there now.
    pub replaced: Option<u64>,
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

/// Plans a build. Trees that earlier runs have noted are used; no layer is moved for more.
///
/// # Errors
/// When a place cannot be asked what it has, or a step cannot be done on trees that are known.
pub fn plan(locked: &Locked, sinks: &[Box<dyn Sink>], world: &World<'_>) -> Result<Plan, Error> {
    let base = read_plan(&locked.base, world, Reading::Fetch);
    let donors: BTreeMap<String, ImagePlan> = locked
        .donors
        .iter()
        .map(|(name, origin)| (name.clone(), read_plan(origin, world, Reading::Perhaps)))
        .collect();
    let outputs = ask(locked, sinks, world)?;
    let decided = decide(locked, &base, &donors, world)?;
    Ok(Plan {
        recipe: locked.recipe.name.clone(),
        steps: locked.recipe.steps.iter().map(step_plan).collect(),
        files: decided.as_ref().map(|(decided, _)| file_plans(decided)),
        whole: decided.map(|(_, whole)| whole).unwrap_or_default(),
        base,
        donors,
        outputs,
    })
}

/// Asks each place what it has of the base; nothing is written.
///
/// # Errors
/// When a place cannot be asked.
pub fn ask(locked: &Locked, sinks: &[Box<dyn Sink>], world: &World<'_>) -> Result<Vec<OutputPlan>, Error> {
    let outgoing = Outgoing {
        image: &locked.base.image,
        store: world.store,
        origin: locked.base.source.as_ref(),
        base_layers: locked.base.image.manifest.layers.len(),
        others: BTreeMap::new(),
    };
    let outputs = sinks.iter().map(|sink| Ok(OutputPlan { name: sink.name(), blobs: sink.plan(&outgoing)? }));
    outputs.collect()
}

/// The blobs of the base that some place does not have yet.
#[must_use]
pub fn sent(outputs: &[OutputPlan]) -> BTreeSet<Digest> {
    let blobs = outputs.iter().flat_map(|output| &output.blobs);
    blobs.filter(|(_, fate)| *fate == Fate::Upload).map(|(blob, _)| blob.digest).collect()
}

/// What the steps come to, when every layer that it depends on has been read before.
fn decide(
    locked: &Locked,
    base: &ImagePlan,
    donors: &BTreeMap<String, ImagePlan>,
    world: &World<'_>,
) -> Result<Option<(Decided, Vec<Whole>)>, Error> {
    if base.known_layers() < base.layers.len() {
        return Ok(None);
    }
    let mut known_donors = BTreeMap::new();
    for (name, origin) in &locked.donors {
        let known = donors.get(name).map_or(0, ImagePlan::known_layers);
        if known == 0 {
            return Ok(None);
        }
        let grafts = fetch::grafts_from(&locked.recipe, name);
        let mut enough = false;
        // The first tree that is asked about holds every layer that is known: one more would have to be read.
        let tree = origin.search(world, &Caught::default(), &mut |tree| {
            enough = fetch::satisfied(&grafts, tree)?;
            Ok(true)
        })?;
        if !enough {
            return Ok(None);
        }
        known_donors.insert(name.clone(), tree);
    }
    let tree = locked.base.tree(world, &Caught::default())?;
    let trees = known_donors.iter().map(|(name, tree)| (name.clone(), tree.rootfs.clone())).collect();
    let decided = edit::decide(&locked.recipe.steps, &tree.rootfs, &trees)?;
    let whole = whole::find(locked, &decided, &tree.rootfs, &known_donors);
    Ok(Some((decided, whole)))
}

fn file_plans(decided: &Decided) -> Vec<FilePlan> {
    let entries = decided.entries.iter().map(|(path, decision)| {
        let (action, size) = match &decision.what {
            What::Directory => ("mkdir", None),
            What::Symlink(_) => ("link", None),
            What::Graft { place, .. } => ("graft", Some(place.size)),
            What::Patch { .. } => ("patch", None),
            What::Text(text) => ("write", Some(text.len() as u64)),
            What::Host(_) => ("write", None),
        };
        FilePlan {
            path: path.clone(),
            line: decision.spot.line,
            action,
            size,
            replaced: decision.replaced.map(|place| place.size),
        }
    });
    let removals = decided.removals.iter().map(|(path, spot)| FilePlan {
        path: path.clone(),
        line: spot.line,
        action: "remove",
        size: None,
        replaced: None,
    });
    let mut files: Vec<FilePlan> = entries.chain(removals).collect();
    files.sort_by(|a, b| (a.line, &a.path).cmp(&(b.line, &b.path)));
    files
}

fn read_plan(origin: &Origin, world: &World<'_>, below: Reading) -> ImagePlan {
    let mut otherwise = Reading::Fetch;
    let mut layers = Vec::new();
    for layer in origin.image.layers().into_iter().rev() {
        let blob = &layer.descriptor;
        let reading = if origin.known(world, &layer).is_some() {
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
    ImagePlan { written: origin.written.clone(), digest: origin.image.manifest.digest(), layers }
}

fn step_plan(step: &Step) -> StepPlan {
    let mut patterns = Vec::new();
    let words = match &step.action {
        Action::Graft(graft) => {
            for (list, optional) in [(&graft.files, false), (&graft.optional, true)] {
                patterns.extend(list.iter().map(|(pattern, spot)| PatternPlan {
                    line: spot.line,
                    pattern: pattern.clone(),
                    optional,
                }));
            }
            format!("graft from {} {} into {}", graft.from, graft.root, graft.into)
        }
        Action::Patch(patch) => format!("patch {} with {}", patch.file, patch.with.path().display()),
        Action::Remove(remove) => format!("remove {}", remove.path),
        Action::Link(link) => format!("link {} to {}", link.path, link.target),
        Action::Write(write) => format!("write {}", write.file),
        Action::Mkdir(mkdir) => format!("make directory {}", mkdir.path),
    };
    StepPlan { line: step.spot.line, words, patterns }
}

impl StepPlan {
    /// Whether this step asks for the file.
    #[must_use]
    pub fn asks_for(&self, file: &FilePlan) -> bool {
        file.line == self.line || self.patterns.iter().any(|pattern| pattern.line == file.line)
    }
}

impl Plan {
    /// Bytes that are fetched for certain, and bytes that may have to be. A layer that two images share counts
    /// once, for certain if it is for one of them.
    #[must_use]
    pub fn bytes_down(&self) -> (u64, u64) {
        let mut blobs: BTreeMap<Digest, (u64, bool)> = BTreeMap::new();
        for image in std::iter::once(&self.base).chain(self.donors.values()) {
            for (blob, reading) in &image.layers {
                if matches!(reading, Reading::Fetch | Reading::Perhaps) {
                    let slot = blobs.entry(blob.digest).or_insert((blob.size, false));
                    slot.1 |= *reading == Reading::Fetch;
                }
            }
        }
        let sum = |wanted| blobs.values().filter(|(_, sure)| *sure == wanted).map(|(size, _)| size).sum();
        (sum(true), sum(false))
    }

    /// Bytes of donor files that go into the new layer, before compression; `None` when they are not known yet.
    #[must_use]
    pub fn bytes_grafted(&self) -> Option<u64> {
        let files = self.files.as_ref()?;
        Some(files.iter().filter_map(|file| file.size).sum())
    }
}

impl ImagePlan {
    /// How many layers from the top down have been read before.
    fn known_layers(&self) -> usize {
        self.layers.iter().take_while(|(_, reading)| *reading == Reading::Known).count()
    }
}

impl OutputPlan {
    /// Bytes of the base that must be sent.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate == Fate::Upload).map(|(blob, _)| blob.size).sum()
    }
}
