//! Where a step's path really lands in the base, and the directories that have to be made on the way.

use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Error;
use crate::edit::Place;
use crate::edit::What;
use crate::finding::RecipeSpot;
use crate::layer::Content;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::LookupError;
use crate::rootfs::Rootfs;
use crate::rootfs::TreeNode;

/// The bytes of a tree's regular file; `None` for anything else, and for bytes that are in no layer.
#[must_use]
pub fn place_of(node: &TreeNode) -> Option<Place> {
    match &node.entry.node {
        Node::File(Content::InLayer { offset, size }) => {
            Some(Place { layer: node.layer, offset: *offset, size: *size })
        }
        _ => None,
    }
}

/// Resolves a path that a step writes: through links, to the file itself when `follow` and there is one, else to
/// the last name. Links that lead to what does not exist yet are followed too: the directories are made there.
///
/// # Errors
/// When a link loops or something on the way is no directory.
pub fn landing(tree: &Rootfs, path: &ImagePath, follow: bool, spot: &RecipeSpot) -> Result<ImagePath, Error> {
    let lookup = |source| Error::Lookup { spot: spot.clone(), path: path.clone(), source };
    if follow {
        match tree.resolve(path) {
            Ok(found) => return Ok(found.path),
            Err(LookupError::NotFound { .. }) => {}
            Err(other) => return Err(lookup(other)),
        }
    }
    tree.resolve_parent(path).map_err(lookup)
}

impl Decided {
    /// Puts a decision at `path`.
    ///
    /// # Errors
    /// When an earlier step ends at the same path.
    pub(super) fn put(&mut self, path: ImagePath, decision: Decision) -> Result<(), Error> {
        let spot = decision.spot.clone();
        if let Some(earlier) = self.entries.get(&path) {
            let directories = matches!((&earlier.what, &decision.what), (What::Directory, What::Directory));
            match (directories, earlier.on_the_way, decision.on_the_way) {
                (true, _, true) => return Ok(()),
                (true, true, false) => {}
                _ => return Err(Error::Twice { other: earlier.spot.clone(), spot, path }),
            }
        }
        // A whiteout beside entries below it: engines differ on which of the two wins.
        if let Some((_, other)) = self.removals.iter().find(|(gone, _)| path.is_within(gone)) {
            return Err(Error::Twice { other: other.clone(), spot, path });
        }
        self.entries.insert(path, decision);
        Ok(())
    }

    /// Makes the directories above `path` that the base lacks; `meta` tells how each will look.
    ///
    /// # Errors
    /// When an earlier step puts something else there.
    pub(super) fn put_parents(
        &mut self,
        tree: &Rootfs,
        path: &ImagePath,
        spot: &RecipeSpot,
        meta: &dyn Fn(&ImagePath) -> Meta,
    ) -> Result<(), Error> {
        for directory in path.ancestors() {
            if tree.get(&directory).is_none() && !directory.is_root() {
                let meta = meta(&directory);
                let decision = Decision::new(spot.clone(), meta, What::Directory);
                let decision = Decision { on_the_way: true, ..decision };
                self.put(directory, decision)?;
            }
        }
        Ok(())
    }
}

/// Metadata for something new: the given mode, the owner of the nearest directory that exists, time 0.
#[must_use]
pub fn inherited(tree: &Rootfs, path: &ImagePath, mode: u32) -> Meta {
    let above = path.ancestors().into_iter().rev().find_map(|directory| tree.get(&directory));
    let owner = above.map_or((0, 0), |node| (node.entry.meta.uid, node.entry.meta.gid));
    Meta { uid: owner.0, gid: owner.1, ..Meta::root(mode) }
}

/// Names in the directory of `path` that look like its last component: at most three, best first.
#[must_use]
pub fn near(tree: &Rootfs, path: &ImagePath) -> Vec<String> {
    let Some(parent) = path.parent() else {
        return Vec::new();
    };
    let wanted = String::from_utf8_lossy(path.name()).into_owned();
    let Ok(directory) = tree.resolve(&parent) else {
        return Vec::new();
    };
    let names =
        tree.children(&directory.path).map(|(child, _)| String::from_utf8_lossy(child.name()).into_owned());
    let mut scored: Vec<(u32, String)> =
        names.map(|name| (score(&wanted, &name), name)).filter(|(score, _)| *score >= 600).collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Likeness of two names in thousandths.
fn score(a: &str, b: &str) -> u32 {
    let ratio = similar::TextDiff::from_chars(a, b).ratio();
    // A ratio is between 0 and 1, so the product fits.
    (ratio * 1000.0) as u32
}
