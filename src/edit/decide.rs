//! Steps to decisions: one arm a step, no file content needed.

use std::collections::BTreeMap;

use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Error;
use crate::edit::What;
use crate::edit::graft;
use crate::edit::place::inherited;
use crate::edit::place::landing;
use crate::edit::place::near;
use crate::edit::place::place_of;
use crate::edit::wheel;
use crate::finding::RecipeSpot;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::recipe::Action;
use crate::recipe::Link;
use crate::recipe::Mkdir;
use crate::recipe::PatchStep;
use crate::recipe::Remove;
use crate::recipe::Step;
use crate::recipe::Write;
use crate::recipe::WriteContent;
use crate::rootfs::LookupError;
use crate::rootfs::Rootfs;

/// Decides every step on the base's tree and the donors' trees (by name).
///
/// # Errors
/// The first step that cannot be done.
pub fn decide(steps: &[Step], base: &Rootfs, donors: &BTreeMap<String, Rootfs>) -> Result<Decided, Error> {
    let mut decided = Decided::default();
    for Step { spot, action } in steps {
        match action {
            Action::Graft(step) => {
                // The recipe was checked: every donor that a graft names is there.
                let Some(donor) = donors.get(&step.from) else {
                    continue;
                };
                graft::decide(step, donor, base, &mut decided)?;
            }
            Action::Patch(step) => patch(step, spot, base, &mut decided)?,
            Action::Remove(step) => remove(step, spot, base, &mut decided)?,
            Action::Link(step) => link(step, spot, base, &mut decided)?,
            Action::Write(step) => write(step, spot, base, &mut decided)?,
            Action::Mkdir(step) => mkdir(step, spot, base, &mut decided)?,
        }
    }
    wheel::follow(base, &mut decided);
    Ok(decided)
}

fn missing(tree: &Rootfs, path: &ImagePath, spot: &RecipeSpot, source: LookupError) -> Error {
    match source {
        LookupError::NotFound { .. } => {
            Error::Missing { spot: spot.clone(), path: path.clone(), near: near(tree, path) }
        }
        source => Error::Lookup { spot: spot.clone(), path: path.clone(), source },
    }
}

fn patch(step: &PatchStep, spot: &RecipeSpot, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    let found = base.resolve(&step.file).map_err(|error| missing(base, &step.file, spot, error))?;
    let Some(place) = place_of(found.node) else {
        return Err(Error::NotAFile { spot: spot.clone(), path: found.path, from: "base".to_owned() });
    };
    let meta = found.node.entry.meta.clone();
    let what = What::Patch { place, with: step.with.clone() };
    decided.put(found.path, Decision { replaced: Some(place), ..Decision::new(spot.clone(), meta, what) })
}

fn remove(step: &Remove, spot: &RecipeSpot, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    let path = landing(base, &step.path, false, spot)?;
    // Only what exists gets a whiteout: engines differ on others (umoci#254).
    if base.get(&path).is_none() {
        if step.ignore_missing {
            return Ok(());
        }
        return Err(Error::Missing {
            spot: spot.clone(),
            near: near(base, &step.path),
            path: step.path.clone(),
        });
    }
    if let Some((inside, other)) = decided.entries.iter().find(|(entry, _)| entry.is_within(&path)) {
        return Err(Error::Twice { spot: spot.clone(), other: other.spot.clone(), path: inside.clone() });
    }
    let meets = |gone: &ImagePath| gone.is_within(&path) || path.is_within(gone);
    if let Some((gone, other)) = decided.removals.iter().find(|(gone, _)| meets(gone)) {
        return Err(Error::Twice { spot: spot.clone(), other: other.clone(), path: gone.clone() });
    }
    decided.removals.insert(path, spot.clone());
    Ok(())
}

fn link(step: &Link, spot: &RecipeSpot, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    let path = landing(base, &step.path, false, spot)?;
    let mode = 0o777;
    let existing = base.get(&path);
    if existing.is_some_and(|node| node.entry.node == Node::Directory) {
        return Err(Error::InTheWay { spot: spot.clone(), path });
    }
    let meta = existing.map_or_else(|| inherited(base, &path, mode), |node| owned(&node.entry.meta, mode));
    decided.put_parents(base, &path, spot, &|directory| inherited(base, directory, 0o755))?;
    let what = What::Symlink(step.target.clone().into_bytes());
    decided.put(path, Decision::new(spot.clone(), meta, what))
}

/// Metadata with the owner of `like`.
fn owned(like: &Meta, mode: u32) -> Meta {
    Meta { uid: like.uid, gid: like.gid, ..Meta::root(mode) }
}

fn write(step: &Write, spot: &RecipeSpot, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    let path = landing(base, &step.file, true, spot)?;
    let existing = base.get(&path);
    if existing.is_some_and(|node| node.entry.node == Node::Directory) {
        return Err(Error::InTheWay { spot: spot.clone(), path });
    }
    let replaced = existing.and_then(place_of);
    let kept = existing.filter(|_| replaced.is_some()).map(|node| node.entry.meta.clone());
    let mut meta = kept.unwrap_or_else(|| inherited(base, &path, 0o644));
    meta.mode = step.mode.unwrap_or(meta.mode);
    (meta.uid, meta.gid) = step.owner.unwrap_or((meta.uid, meta.gid));
    decided.put_parents(base, &path, spot, &|directory| inherited(base, directory, 0o755))?;
    let what = match &step.content {
        WriteContent::Text(text) => What::Text(text.clone().into_bytes()),
        WriteContent::Source(file) => What::Host(file.clone()),
    };
    decided.put(path, Decision { replaced, ..Decision::new(spot.clone(), meta, what) })
}

fn mkdir(step: &Mkdir, spot: &RecipeSpot, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    let path = landing(base, &step.path, true, spot)?;
    let existing = base.get(&path);
    if existing.is_some_and(|node| node.entry.node != Node::Directory) {
        return Err(Error::InTheWay { spot: spot.clone(), path });
    }
    let mut meta = existing.map_or_else(|| inherited(base, &path, 0o755), |node| node.entry.meta.clone());
    meta.mode = step.mode.unwrap_or(meta.mode);
    (meta.uid, meta.gid) = step.owner.unwrap_or((meta.uid, meta.gid));
    decided.put_parents(base, &path, spot, &|directory| inherited(base, directory, 0o755))?;
    decided.put(path, Decision::new(spot.clone(), meta, What::Directory))
}
