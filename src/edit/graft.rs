//! `graft`: which files of the donor go where, and what they look like there.

use std::collections::BTreeMap;

use globset::GlobBuilder;
use globset::GlobMatcher;

use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Error;
use crate::edit::What;
use crate::edit::place::inherited;
use crate::edit::place::landing;
use crate::edit::place::near;
use crate::edit::place::place_of;
use crate::finding::RecipeSpot;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::recipe::Graft;
use crate::rootfs::LookupError;
use crate::rootfs::Rootfs;
use crate::rootfs::TreeNode;

/// One file or link of the donor, and its path below the graft's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Path relative to the graft's roots.
    pub relative: Vec<u8>,
    /// The object in the donor: for a file its links are resolved.
    pub path: ImagePath,
    /// The pattern that asked for it.
    pub spot: RecipeSpot,
    /// Listed under `files`, so that `replace` applies to it.
    pub required: bool,
}

/// Chooses what a graft takes out of the donor's tree, in the order of paths.
///
/// # Errors
/// A pattern of `files` that matches nothing, or a question that only lower layers can answer.
pub fn select(graft: &Graft, donor: &Rootfs) -> Result<Vec<Selected>, Error> {
    let mut chosen: BTreeMap<Vec<u8>, Selected> = BTreeMap::new();
    let patterns = graft.files.iter().map(|p| (p, true)).chain(graft.optional.iter().map(|p| (p, false)));
    for ((pattern, spot), required) in patterns {
        let found = if is_glob(pattern) {
            matching(graft, donor, pattern, spot)?
        } else {
            named(graft, donor, pattern, spot)?.into_iter().collect()
        };
        if found.is_empty() && required {
            return Err(not_in_donor(graft, donor, pattern, spot));
        }
        for (relative, path) in found {
            let selected = Selected { relative: relative.clone(), path, spot: spot.clone(), required };
            chosen.entry(relative).or_insert(selected);
        }
    }
    Ok(chosen.into_values().collect())
}

/// Whether the pattern is more than a name: only the whole tree says what it matches.
#[must_use]
pub fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '{'])
}

type Found = (Vec<u8>, ImagePath);

/// A file named outright: followed through links to the file itself (`libx.so → libx.so.1 → libx.so.1.2`).
fn named(graft: &Graft, donor: &Rootfs, name: &str, spot: &RecipeSpot) -> Result<Option<Found>, Error> {
    let Ok(path) = graft.root.join(name) else {
        return Ok(None);
    };
    match donor.resolve(&path) {
        Ok(found) if matches!(found.node.entry.node, Node::File(_)) => {
            Ok(Some((name.as_bytes().to_vec(), found.path)))
        }
        Ok(found) => Err(Error::NotAFile { spot: spot.clone(), path: found.path, from: graft.from.clone() }),
        Err(LookupError::NotFound { .. }) => Ok(None),
        Err(source) => Err(Error::Lookup { spot: spot.clone(), path, source }),
    }
}

/// All files and links below the root that a glob matches.
fn matching(graft: &Graft, donor: &Rootfs, pattern: &str, spot: &RecipeSpot) -> Result<Vec<Found>, Error> {
    let glob = compile(pattern, spot)?;
    let root = match donor.resolve(&graft.root) {
        Ok(found) => found.path,
        Err(LookupError::NotFound { .. }) => return Ok(Vec::new()),
        Err(source) => {
            return Err(Error::Lookup { spot: spot.clone(), path: graft.root.clone(), source });
        }
    };
    if !donor.is_complete() {
        // Lower layers may hold more of the same.
        let source = LookupError::Unknown { path: graft.root.clone(), at: root };
        return Err(Error::Lookup { spot: spot.clone(), path: graft.root.clone(), source });
    }
    let mut found = Vec::new();
    for (path, node) in donor.under(&root) {
        let Some(relative) = path.relative_to(&root) else {
            continue;
        };
        if !glob.is_match(std::path::Path::new(&*String::from_utf8_lossy(relative))) {
            continue;
        }
        match &node.entry.node {
            Node::File(_) => found.push((relative.to_vec(), path.clone())),
            Node::Symlink(_) => {
                found.extend(linked(donor, &root, path).map(|path| (relative.to_vec(), path)))
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A link that a glob matched: itself when its target is relative and stays below the root, so that it leads to the
/// same file at the destination; else the file it leads to; nothing when it leads nowhere or to a directory elsewhere.
fn linked(donor: &Rootfs, root: &ImagePath, link: &ImagePath) -> Option<ImagePath> {
    let target = donor.resolve(link).ok()?;
    if target.path.is_within(root) && stays_below(donor, root, link) {
        return Some(link.clone());
    }
    matches!(target.node.entry.node, Node::File(_)).then_some(target.path)
}

/// Whether a link's own text never leaves the root on its way.
fn stays_below(donor: &Rootfs, root: &ImagePath, link: &ImagePath) -> bool {
    let Some(Node::Symlink(target)) = donor.get(link).map(|node| &node.entry.node) else { return false };
    let above = link.components().count().saturating_sub(root.components().count());
    let mut depth = above.saturating_sub(1);
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => return false,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    !target.starts_with(b"/")
}

fn compile(pattern: &str, spot: &RecipeSpot) -> Result<GlobMatcher, Error> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob =
        built.map_err(|source| Error::Glob { spot: spot.clone(), pattern: pattern.to_owned(), source })?;
    Ok(glob.compile_matcher())
}

fn not_in_donor(graft: &Graft, donor: &Rootfs, pattern: &str, spot: &RecipeSpot) -> Error {
    let near = graft.root.join(pattern).map(|path| near(donor, &path)).unwrap_or_default();
    let (root, from) = (graft.root.clone(), graft.from.clone());
    Error::NotInDonor { spot: spot.clone(), pattern: pattern.to_owned(), root, from, near }
}

/// Decides every file of a graft.
///
/// # Errors
/// As [`select`], and what `replace` forbids, and two steps at one path.
pub fn decide(graft: &Graft, donor: &Rootfs, base: &Rootfs, decided: &mut Decided) -> Result<(), Error> {
    for selected in select(graft, donor)? {
        let Some(source) = donor.get(&selected.path) else {
            continue;
        };
        let wanted = graft.into.join(&selected.relative).map_err(|_| {
            not_in_donor(graft, donor, &String::from_utf8_lossy(&selected.relative), &selected.spot)
        })?;
        let is_link = matches!(source.entry.node, Node::Symlink(_));
        let path = landing(base, &wanted, !is_link, &selected.spot)?;
        let existing = base.get(&path);
        if existing.is_some_and(TreeNode::is_directory) {
            return Err(Error::InTheWay { spot: selected.spot, path });
        }
        match (graft.replace.filter(|_| selected.required), existing) {
            (Some(true), None) => {
                return Err(Error::NothingToReplace { spot: selected.spot, path });
            }
            (Some(false), Some(_)) => {
                return Err(Error::Exists { spot: selected.spot, path });
            }
            _ => {}
        }
        let replaced = existing.and_then(place_of);
        let meta = looks(graft, &source.entry.meta, replaced.and(existing).map(|node| &node.entry.meta));
        let what = match (&source.entry.node, place_of(source)) {
            (Node::Symlink(target), _) => What::Symlink(target.clone()),
            (_, Some(place)) => What::Graft { from: graft.from.clone(), path: selected.path.clone(), place },
            _ => continue,
        };
        let parents = |directory: &ImagePath| new_directory(graft, donor, base, directory);
        decided.put_parents(base, &path, &selected.spot, &parents)?;
        let replace_aliases = graft.replace_aliases;
        let decision = Decision::new(selected.spot, meta, what);
        decided.put(path, Decision { replaced, replace_aliases, ..decision })?;
    }
    Ok(())
}

/// A replaced file keeps its owner, mode and attributes; a new one has the donor's. The time is the donor's: it is
/// the content's own.
fn looks(graft: &Graft, donor: &Meta, replaced: Option<&Meta>) -> Meta {
    let mut meta = replaced.unwrap_or(donor).clone();
    meta.mtime = donor.mtime;
    if let Some((uid, gid)) = graft.owner {
        (meta.uid, meta.gid) = (uid, gid);
    }
    meta.mode = graft.mode.unwrap_or(meta.mode);
    meta
}

/// A directory that the base lacks looks as its counterpart in the donor.
fn new_directory(graft: &Graft, donor: &Rootfs, base: &Rootfs, directory: &ImagePath) -> Meta {
    let counterpart = directory
        .relative_to(&graft.into)
        .and_then(|relative| graft.root.join(relative).ok())
        .and_then(|path| donor.resolve(&path).ok());
    let mut meta = counterpart
        .filter(|found| found.node.entry.node == Node::Directory)
        .map_or_else(|| inherited(base, directory, 0o755), |found| found.node.entry.meta.clone());
    if let Some((uid, gid)) = graft.owner {
        (meta.uid, meta.gid) = (uid, gid);
    }
    meta
}
