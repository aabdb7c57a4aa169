//! What follows a change inside `site-packages`: stale byte code goes, the wheel's RECORD stays true.
//!
//! RECORD: the binary distribution format (PEP 376, PEP 427). Byte code: PEP 3147.

use std::collections::BTreeMap;

use crate::edit::Contents;
use crate::edit::Decided;
use crate::edit::Edited;
use crate::edit::What;
use crate::edit::place::place_of;
use crate::finding::RecipeSpot;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::python::record;
use crate::rootfs::Rootfs;

/// Notes which RECORD files may list something that changes.
pub(super) fn follow(base: &Rootfs, decided: &mut Decided) {
    let changed = decided.entries.keys().chain(decided.removals.keys());
    let mut sites: Vec<ImagePath> = changed.flat_map(ImagePath::ancestors).collect();
    sites.sort();
    sites.dedup();
    for site in sites {
        for (directory, _) in base.children(&site) {
            if !directory.name().ends_with(b".dist-info") {
                continue;
            }
            let Ok(path) = directory.join("RECORD") else { continue };
            if let Some(place) = base.get(&path).and_then(place_of) {
                decided.records.push((path, place));
            }
        }
    }
}

/// Takes away byte code of sources that changed, and rewrites the RECORD files that list what changed.
pub(super) fn settle(decided: &Decided, contents: &Contents, base: &Rootfs, edited: &mut Edited) {
    for (pyc, spot) in stale(decided, base, edited) {
        edited.spots.insert(pyc.clone(), spot);
        edited.changes.removals.insert(pyc);
    }
    let changed = changed_files(edited);
    let mut unclaimed: Vec<&ImagePath> =
        changed.iter().filter(|(_, state)| state.is_some()).map(|(path, _)| path).collect();
    let mut updates: BTreeMap<&ImagePath, record::Changes> = BTreeMap::new();
    for (path, place) in &decided.records {
        let (Some(site), Some(text)) = (site_of(path), contents.texts.get(place)) else { continue };
        let listed = record::listed(text);
        for (file, state) in &changed {
            let Some(relative) = relative(file, &site).filter(|relative| listed.contains(relative)) else { continue };
            updates.entry(path).or_default().insert(relative, *state);
            unclaimed.retain(|other| *other != file);
        }
    }
    adopt(&unclaimed, &changed, decided, contents, &mut updates);
    for (path, changes) in updates {
        rewrite(path, &changes, decided, contents, base, edited);
    }
}

/// Byte code in the base of each `.py` file that the build changes.
fn stale(decided: &Decided, base: &Rootfs, edited: &Edited) -> Vec<(ImagePath, RecipeSpot)> {
    let mut found = Vec::new();
    for (path, spot) in &edited.spots {
        let Some(parent) = path.parent().filter(|_| path.name().ends_with(b".py")) else { continue };
        let caches = parent.join("__pycache__").ok().into_iter().chain([parent]);
        for (candidate, _) in caches.flat_map(|directory| base.children(&directory)) {
            let ours = crate::python::is_cache_of(candidate, path);
            if ours && !decided.entries.contains_key(candidate) && !edited.changes.removals.contains(candidate) {
                found.push((candidate.clone(), spot.clone()));
            }
        }
    }
    found
}

type State = Option<(Digest, u64)>;

/// Every regular file that the build writes (digest and size) or takes away (`None`).
fn changed_files(edited: &Edited) -> BTreeMap<ImagePath, State> {
    let mut changed: BTreeMap<ImagePath, State> =
        edited.changes.removals.iter().map(|path| (path.clone(), None)).collect();
    for (path, entry) in &edited.changes.upserts {
        let state = match &entry.node {
            Node::File(Content::Bytes(bytes)) => Some((Digest::of(bytes), bytes.len() as u64)),
            Node::File(Content::Stored { digest, size }) => Some((*digest, *size)),
            _ => continue,
        };
        changed.insert(path.clone(), state);
    }
    changed
}

/// The directory that a RECORD's lines are relative to.
fn site_of(record: &ImagePath) -> Option<ImagePath> {
    record.parent()?.parent()
}

fn relative(file: &ImagePath, site: &ImagePath) -> Option<String> {
    file.relative_to(site).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// New files go to the wheel that owns their top-level package in the same `site-packages`.
fn adopt<'a>(
    unclaimed: &[&ImagePath],
    changed: &BTreeMap<ImagePath, State>,
    decided: &'a Decided,
    contents: &Contents,
    updates: &mut BTreeMap<&'a ImagePath, record::Changes>,
) {
    for file in unclaimed {
        for (path, place) in &decided.records {
            let (Some(site), Some(text)) = (site_of(path), contents.texts.get(place)) else { continue };
            let Some(relative) = relative(file, &site) else { continue };
            let Some((package, _)) = relative.split_once('/') else { continue };
            let prefix = format!("{package}/");
            if !package.ends_with(".dist-info") && record::listed(text).iter().any(|name| name.starts_with(&prefix)) {
                updates.entry(path).or_default().insert(relative, changed.get(*file).copied().flatten());
                break;
            }
        }
    }
}

fn rewrite(
    path: &ImagePath,
    changes: &record::Changes,
    decided: &Decided,
    contents: &Contents,
    base: &Rootfs,
    edited: &mut Edited,
) {
    // A RECORD that a step writes itself is the user's business.
    let by_step = decided.entries.get(path).is_some_and(|decision| !matches!(decision.what, What::Directory));
    let place = decided.records.iter().find(|(record, _)| record == path).map(|(_, place)| place);
    let (Some(text), Some(node)) = (place.and_then(|place| contents.texts.get(place)), base.get(path)) else { return };
    let removed = edited.changes.removals.iter().any(|gone| path.is_within(gone));
    if by_step || removed {
        return;
    }
    let new = record::rewrite(text, changes);
    if new == *text {
        return;
    }
    let spot = changes.keys().find_map(|name| {
        let file = site_of(path)?.join(name).ok()?;
        edited.spots.get(&file).cloned()
    });
    if let Some(spot) = spot {
        edited.spots.insert(path.clone(), spot);
    }
    let entry = Entry { meta: node.entry.meta.clone(), node: Node::File(Content::Bytes(new)) };
    edited.changes.upserts.insert(path.clone(), entry);
}
