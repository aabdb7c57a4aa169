//! Decisions and bytes to a changeset.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::edit::Contents;
use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Error;
use crate::edit::Place;
use crate::edit::What;
use crate::edit::alias;
use crate::edit::notice::PATCH_ALREADY_APPLIED;
use crate::edit::patch;
use crate::edit::wheel;
use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::recipe::PatchFile;
use crate::rootfs::Rootfs;

/// What a recipe comes to on these images. Parents of the entries are not in it yet: assembly adds them.
#[derive(Debug, Default)]
pub struct Edited {
    /// The changes. A grafted or patched file that the base has already, with the same metadata, is not in it.
    pub changes: Changeset,
    /// Which step brought each path, removals included.
    pub spots: BTreeMap<ImagePath, RecipeSpot>,
    /// What came out of donors.
    pub grafts: Vec<Grafted>,
    /// What was patched.
    pub patches: Vec<Patched>,
    /// What is worth saying.
    pub findings: Vec<Finding>,
}

/// A file that came out of a donor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grafted {
    /// Where it is in the result.
    pub path: ImagePath,
    /// The donor.
    pub from: String,
    /// Where it was in the donor.
    pub donor_path: ImagePath,
    /// Where its bytes were.
    pub place: Place,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// The base had the same file: nothing was written.
    pub identical: bool,
    /// The size of the file it replaces.
    pub replaced: Option<u64>,
}

/// A file that was patched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The file.
    pub path: ImagePath,
    /// The patch on this machine.
    pub with: PathBuf,
    /// SHA-256 before.
    pub before: Digest,
    /// SHA-256 after; the same when it was applied already.
    pub after: Digest,
    /// The text before.
    pub old: Vec<u8>,
    /// The text after.
    pub new: Vec<u8>,
}

/// Puts bytes to decisions.
///
/// # Errors
/// A patch that does not fit, or that breaks the Python it changes.
pub fn settle(decided: &Decided, contents: &Contents, base: &Rootfs) -> Result<Edited, Error> {
    let mut edited = Edited { findings: decided.findings.clone(), ..Edited::default() };
    for (path, decision) in &decided.entries {
        let node = match &decision.what {
            What::Directory => Node::Directory,
            What::Symlink(target) => Node::Symlink(target.clone()),
            What::Text(text) => Node::File(Content::Bytes(text.clone())),
            What::Host(file) => {
                Node::File(Content::Bytes(contents.hosts.get(file).cloned().unwrap_or_default()))
            }
            What::Graft { from, path: donor_path, place } => {
                let donor = (from.as_str(), donor_path, *place);
                match graft(path, decision, donor, contents, base, &mut edited) {
                    Some(node) => node,
                    None => continue,
                }
            }
            What::Patch { place, with } => {
                match apply(path, decision, *place, with, contents, &mut edited)? {
                    Some(node) => node,
                    None => continue,
                }
            }
        };
        keep(path, decision, node, base, &mut edited);
    }
    for (path, spot) in &decided.removals {
        edited.spots.insert(path.clone(), spot.clone());
        edited.changes.removals.insert(path.clone());
    }
    alias::settle(decided, base, &mut edited);
    wheel::settle(decided, contents, base, &mut edited);
    Ok(edited)
}

/// Keeps an entry, unless the base has the very same.
fn keep(path: &ImagePath, decision: &Decision, node: Node, base: &Rootfs, edited: &mut Edited) {
    let entry = Entry { meta: decision.meta.clone(), node };
    let same = base.get(path).is_some_and(|old| !old.implied && old.entry == entry);
    if !same {
        edited.spots.insert(path.clone(), decision.spot.clone());
        edited.changes.upserts.insert(path.clone(), entry);
    }
}

/// The node of a grafted file; `None` when the base has the same bytes with the same looks.
fn graft(
    path: &ImagePath,
    decision: &Decision,
    (from, donor_path, place): (&str, &ImagePath, Place),
    contents: &Contents,
    base: &Rootfs,
    edited: &mut Edited,
) -> Option<Node> {
    let digest = *contents.donors.get(&(from.to_owned(), place))?;
    let old = decision.replaced.and_then(|replaced| contents.digests.get(&replaced));
    let old_meta = base.get(path).map(|node| &node.entry.meta);
    let same_looks = old_meta.is_some_and(|meta| {
        (meta.mode, meta.uid, meta.gid, &meta.xattrs)
            == (decision.meta.mode, decision.meta.uid, decision.meta.gid, &decision.meta.xattrs)
    });
    let identical = old == Some(&digest) && same_looks;
    edited.grafts.push(Grafted {
        path: path.clone(),
        from: from.to_owned(),
        donor_path: donor_path.clone(),
        place,
        digest,
        identical,
        replaced: decision.replaced.map(|replaced| replaced.size),
    });
    (!identical).then_some(Node::File(Content::Stored { digest, size: place.size }))
}

/// The node of a patched file; `None` when the patch is there already.
fn apply(
    path: &ImagePath,
    decision: &Decision,
    place: Place,
    with: &PatchFile,
    contents: &Contents,
    edited: &mut Edited,
) -> Result<Option<Node>, Error> {
    let old = contents.texts.get(&place).cloned().unwrap_or_default();
    let patch = parse(with, contents)?;
    let failed = |source| Error::Patch { spot: decision.spot.clone(), path: path.clone(), source };
    let new = match patch::apply_to(path, &old, &patch).map_err(failed)? {
        patch::Outcome::Applied { text, .. } => Some(text),
        patch::Outcome::AlreadyApplied => {
            let message = format!("the patch `{}` is in the file already", patch.file());
            let mut finding = Finding::of(&PATCH_ALREADY_APPLIED, path.to_string(), message);
            finding.recipe = Some(decision.spot.clone());
            edited.findings.push(finding);
            None
        }
    };
    let before = Digest::of(&old);
    edited.patches.push(Patched {
        path: path.clone(),
        with: with.path().to_owned(),
        before,
        after: new.as_deref().map_or(before, Digest::of),
        new: new.clone().unwrap_or_else(|| old.clone()),
        old,
    });
    Ok(new.map(|text| Node::File(Content::Bytes(text))))
}

/// Reads the patch out of the bytes that were gathered.
fn parse(with: &PatchFile, contents: &Contents) -> Result<patch::Patch, Error> {
    let bytes = contents.hosts.get(with.path()).map_or(&b""[..], Vec::as_slice);
    let file = with.path().display().to_string();
    let text = String::from_utf8_lossy(bytes);
    Ok(match with {
        PatchFile::Edits(_) => patch::Patch::edits(&file, &text)?,
        PatchFile::Diff(_) => patch::Patch::diff(&file, &text)?,
    })
}
