//! The lock file of a build: what went in, what came out, and whether it still holds.

use std::collections::BTreeMap;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::build::Assembled;
use crate::build::Cleared;
use crate::build::Error;
use crate::build::Locked;
use crate::build::blob;
use crate::build::origin::Origin;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::recipe::Action;
use crate::recipe::ImageSource;
use crate::recipe::Recipe;
use crate::recipe::WriteContent;
use crate::recipe::lockfile::Drift;
use crate::recipe::lockfile::LockedGraft;
use crate::recipe::lockfile::LockedImage;
use crate::recipe::lockfile::LockedInput;
use crate::recipe::lockfile::LockedLayer;
use crate::recipe::lockfile::LockedPatch;
use crate::recipe::lockfile::LockedResult;
use crate::recipe::lockfile::Lockfile;
use crate::recipe::lockfile::VERSION;

/// Everything that goes in, with no layer read: recipe, variables, images, files of this machine.
///
/// # Errors
/// When a file of this machine cannot be read.
pub fn inputs(locked: &Locked) -> Result<Lockfile, Error> {
    let recipe = &locked.recipe;
    let mut images = vec![image("base", &recipe.base, &locked.base)];
    for (name, source) in &recipe.sources {
        images.extend(locked.donors.get(name).map(|origin| image(name, source, origin)));
    }
    let files = host_files(recipe).into_iter().map(|path| {
        let bytes = std::fs::read(&path).map_err(|source| Error::Host { path: path.clone(), source })?;
        Ok(LockedInput { path: as_named(recipe, &path), sha256: Digest::of(&bytes) })
    });
    Ok(Lockfile {
        version: VERSION,
        format: blob::FORMAT.to_owned(),
        recipe: recipe.digest,
        vars: recipe.vars.clone(),
        result: None,
        images,
        inputs: files.collect::<Result<_, Error>>()?,
        grafts: Vec::new(),
        patches: Vec::new(),
    })
}

/// Everything that went in and came out.
///
/// # Errors
/// When a file of this machine cannot be read.
pub fn lockfile(cleared: &Cleared, assembled: &Assembled) -> Result<Lockfile, Error> {
    let (fetched, edited) = (cleared.fetched(), cleared.edited());
    let locked = &fetched.locked;
    let grafts = edited.grafts.iter().map(|graft| LockedGraft {
        path: graft.path.to_string(),
        from: graft.from.clone(),
        donor_path: graft.donor_path.to_string(),
        layer: locked.donors[&graft.from].image.manifest.layers[graft.place.layer].digest,
        sha256: graft.digest,
        size: graft.place.size,
        build_id: build_id(cleared, &graft.from, graft.place.layer, &graft.donor_path),
    });
    let patches = edited.patches.iter().map(|patch| LockedPatch {
        path: patch.path.to_string(),
        with: as_named(&locked.recipe, &patch.with),
        before: patch.before,
        after: patch.after,
    });
    let result = LockedResult {
        manifest: assembled.image.manifest.digest(),
        diff_ids: assembled.added().map(|(_, diff_id)| diff_id).collect(),
    };
    Ok(Lockfile {
        result: Some(result),
        grafts: grafts.collect(),
        patches: patches.collect(),
        ..inputs(locked)?
    })
}

fn build_id(cleared: &Cleared, from: &str, layer: usize, path: &ImagePath) -> Option<String> {
    let index = cleared.fetched().donors.get(from)?.indexes.get(&layer)?;
    index.objects.get(path)?.facts.build_id.clone()
}

/// The digests of donors' files that a lock file has, by donor and path in it.
#[must_use]
pub fn pins(lock: &Lockfile) -> BTreeMap<(String, String), Digest> {
    let pin = |graft: &LockedGraft| ((graft.from.clone(), graft.donor_path.clone()), graft.sha256);
    lock.grafts.iter().map(pin).collect()
}

/// Refuses when an input is not what the lock file says.
///
/// # Errors
/// [`Error::Drift`], with every input that moved.
pub fn check_inputs(old: &Lockfile, locked: &Locked) -> Result<(), Error> {
    let moved = old.drift(&inputs(locked)?);
    refuse(moved.into_iter().filter(|drift| drift.input))
}

/// Refuses when anything is not what the lock file says. Called before anything is published.
///
/// # Errors
/// [`Error::Drift`], with everything that moved.
pub fn check_result(old: &Lockfile, now: &Lockfile) -> Result<(), Error> {
    refuse(old.drift(now).into_iter())
}

fn refuse(moved: impl Iterator<Item = Drift>) -> Result<(), Error> {
    let moved: Vec<String> = moved.map(|drift| format!("  {drift}")).collect();
    if moved.is_empty() { Ok(()) } else { Err(Error::Drift { moved }) }
}

fn image(name: &str, source: &ImageSource, origin: &Origin) -> LockedImage {
    let layers = origin.image.layers().into_iter().map(|layer| LockedLayer {
        digest: layer.descriptor.digest,
        size: layer.descriptor.size,
        diff_id: layer.diff_id.0,
    });
    LockedImage {
        name: name.to_owned(),
        reference: origin.written.clone(),
        platform: source.platform.to_string(),
        manifest: origin.image.manifest.digest(),
        layers: layers.collect(),
    }
}

/// Files of this machine that the steps name.
fn host_files(recipe: &Recipe) -> Vec<PathBuf> {
    let files = recipe.steps.iter().filter_map(|step| match &step.action {
        Action::Patch(patch) => Some(patch.with.path().to_owned()),
        Action::Write(write) => match &write.content {
            WriteContent::Source(path) => Some(path.clone()),
            WriteContent::Text(_) => None,
        },
        Action::Graft(_) | Action::Remove(_) | Action::Link(_) | Action::Mkdir(_) => None,
    });
    files.collect()
}

/// The path from the recipe's directory: a lock file must not depend on where the recipe is.
fn as_named(recipe: &Recipe, path: &Path) -> String {
    let directory = recipe.file.parent().unwrap_or(Path::new(""));
    if let Ok(below) = path.strip_prefix(directory) {
        return below.display().to_string();
    }
    let (ours, theirs): (Vec<_>, Vec<_>) = (directory.components().collect(), path.components().collect());
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    let up = ours.iter().skip(same).map(|_| Component::ParentDir);
    let named: PathBuf = up.chain(theirs.iter().skip(same).copied()).collect();
    named.display().to_string()
}
