//! What follows a change inside `site-packages`: stale byte code goes, the wheel's RECORD stays true.
//!
//! RECORD: the binary distribution format (PEP 376, PEP 427). Byte code: PEP 3147.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

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
use crate::python;
use crate::python::record;
use crate::python::record::Fate;
use crate::rootfs::Rootfs;

/// Notes which RECORD files may list something that changes.
pub(super) fn follow(base: &Rootfs, decided: &mut Decided) {
    let changed = decided.entries.keys().chain(decided.removals.keys());
    let sites: BTreeSet<ImagePath> = changed.flat_map(ImagePath::ancestors).collect();
    for site in sites {
        for (directory, _) in base.children(&site) {
            if !directory.name().ends_with(b".dist-info") {
                continue;
            }
            let Ok(path) = directory.join("RECORD") else {
                continue;
            };
            if let Some(place) = base.get(&path).and_then(place_of) {
                decided.records.push((path, place));
            }
        }
    }
}

/// Takes away byte code of sources that changed, and rewrites the RECORD files that list what changed.
pub(super) fn settle(decided: &Decided, contents: &Contents, base: &Rootfs, edited: &mut Edited) {
    for (cache, spot) in stale(decided, base, edited) {
        edited.spots.insert(cache.clone(), spot);
        edited.changes.removals.insert(cache);
    }
    let changed = changed_files(base, edited);
    let records = records(decided, contents);
    let mut fates: BTreeMap<&ImagePath, BTreeMap<ImagePath, Fate>> = BTreeMap::new();
    let mut unlisted: BTreeMap<&ImagePath, &State> = changed.iter().collect();
    for (path, record) in &records {
        for file in record.files.iter().filter(|file| changed.contains_key(file)) {
            fates.entry(*path).or_default().insert(file.clone(), fate(changed[file], false));
            unlisted.remove(file);
        }
    }
    for (file, state) in unlisted {
        if state.is_some()
            && let Some(path) = owner(file, &records)
        {
            fates.entry(path).or_default().insert(file.clone(), fate(*state, true));
        }
    }
    for (path, fates) in fates {
        rewrite(path, records[path].text, &fates, decided, base, edited);
    }
}

/// Digest and size of a file that is written; `None` for one that goes.
type State = Option<(Digest, u64)>;

/// A RECORD of the base: its text, and the files it lists.
struct Record<'a> {
    text: &'a str,
    files: BTreeSet<ImagePath>,
}

fn records<'a>(decided: &'a Decided, contents: &'a Contents) -> BTreeMap<&'a ImagePath, Record<'a>> {
    let mut all = BTreeMap::new();
    for (path, place) in &decided.records {
        // A RECORD that is no text is no RECORD: nothing can be kept true in it.
        let Some(text) = contents.texts.get(place).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
            continue;
        };
        let files = record::listed(path, text).into_iter().collect();
        all.insert(path, Record { text, files });
    }
    all
}

const fn fate(state: State, new: bool) -> Fate {
    match state {
        None => Fate::Removed,
        Some((digest, size)) if new => Fate::Added { digest, size },
        Some((digest, size)) => Fate::Content { digest, size },
    }
}

/// Byte code in the base of each `.py` file that the build changes.
fn stale(decided: &Decided, base: &Rootfs, edited: &Edited) -> Vec<(ImagePath, RecipeSpot)> {
    let mut found = Vec::new();
    for (path, spot) in &edited.spots {
        let Some(parent) = path.parent().filter(|_| path.name().ends_with(b".py")) else {
            continue;
        };
        let places = parent.join("__pycache__").into_iter().chain([parent]);
        for (candidate, _) in places.flat_map(|directory| base.children(&directory).collect::<Vec<_>>()) {
            if python::is_stale_cache(path, candidate)
                && !decided.entries.contains_key(candidate)
                && !decided.removals.keys().any(|gone| candidate.is_within(gone))
            {
                found.push((candidate.clone(), spot.clone()));
            }
        }
    }
    found
}

/// Every regular file that the build writes or takes away, those below removed directories among them.
fn changed_files(base: &Rootfs, edited: &Edited) -> BTreeMap<ImagePath, State> {
    let mut changed = BTreeMap::new();
    for path in &edited.changes.removals {
        let below = base.under(path).map(|(path, _)| path.clone());
        changed.extend(below.chain([path.clone()]).map(|path| (path, None)));
    }
    for (path, entry) in &edited.changes.upserts {
        let state = match &entry.node {
            Node::File(Content::Bytes(bytes)) => (Digest::of(bytes), bytes.len() as u64),
            Node::File(Content::Stored { digest, size }) => (*digest, *size),
            _ => continue,
        };
        changed.insert(path.clone(), Some(state));
    }
    changed
}

/// The wheel that a new file joins: the one that lists something in the nearest directory above it, `site-packages`
/// itself not counted: everybody has something there.
fn owner<'a>(file: &ImagePath, records: &BTreeMap<&'a ImagePath, Record<'_>>) -> Option<&'a ImagePath> {
    let mut directories = file.ancestors();
    directories.reverse();
    for directory in directories {
        let lists = |path: &ImagePath, record: &Record<'_>| {
            let site = record::root(path);
            site.is_some_and(|site| directory != site && directory.is_within(&site))
                && record.files.iter().any(|listed| listed.is_within(&directory))
        };
        if let Some((path, _)) = records.iter().find(|(path, record)| lists(path, record)) {
            return Some(path);
        }
    }
    None
}

fn rewrite(
    path: &ImagePath,
    text: &str,
    fates: &BTreeMap<ImagePath, Fate>,
    decided: &Decided,
    base: &Rootfs,
    edited: &mut Edited,
) {
    // A RECORD that a step writes or removes is the user's business.
    let by_step = decided.entries.get(path).is_some_and(|decision| !matches!(decision.what, What::Directory));
    let removed = edited.changes.removals.iter().any(|gone| path.is_within(gone));
    let (Some(node), false) = (base.get(path), by_step || removed) else {
        return;
    };
    let Some(new) = record::update(path, text, fates) else {
        return;
    };
    if let Some(spot) = fates.keys().find_map(|file| edited.spots.get(file).cloned()) {
        edited.spots.insert(path.clone(), spot);
    }
    let entry = Entry { meta: node.entry.meta.clone(), node: Node::File(Content::Bytes(new.into_bytes())) };
    edited.changes.upserts.insert(path.clone(), entry);
}
