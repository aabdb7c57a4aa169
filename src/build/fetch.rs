//! Locked → Fetched: the trees, the decisions of the steps, and the bytes those need.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::contents;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::edit;
use crate::edit::Contents;
use crate::edit::Decided;
use crate::edit::Edited;
use crate::edit::graft::is_glob;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::oci::Digest;
use crate::recipe::Action;
use crate::recipe::Graft;
use crate::recipe::Recipe;
use crate::rootfs::Rootfs;

/// Everything that the result depends on is known.
pub struct Fetched {
    /// The recipe and its images.
    pub locked: Locked,
    /// The base's tree, whole.
    pub base: Tree,
    /// The donors' trees, as deep as the grafts needed.
    pub donors: BTreeMap<String, Tree>,
    /// What the steps come to.
    pub decided: Decided,
    /// The bytes they need to settle.
    pub contents: Contents,
}

/// Reads the base whole, each donor from the top until its files are found, and then those wanted files that no index knows.
///
/// # Errors
/// When a layer cannot be had, or a step cannot be done on these images.
pub fn fetch(locked: Locked, world: &World<'_>) -> Result<Fetched, Error> {
    let base = locked.base.tree(world, &Caught::base(&locked.recipe))?;
    let mut donors = BTreeMap::new();
    for (name, origin) in &locked.donors {
        donors.insert(name.clone(), donor_tree(origin, &grafts_from(&locked.recipe, name), world)?);
    }
    let trees = donors.iter().map(|(name, tree)| (name.clone(), tree.rootfs.clone())).collect();
    let decided = edit::decide(&locked.recipe.steps, &base.rootfs, &trees)?;
    let contents = contents::gather(&decided, &locked, &base, &donors, world)?;
    Ok(Fetched { locked, base, donors, decided, contents })
}

/// The donor's tree, as deep as the grafts need: a name is looked for from the top, and the first layer that says what
/// is there ends the search; a glob needs all layers, which are then read at once.
///
/// There is no better order. That a file is below tells nothing of what the layers above it do to it, so whatever a
/// history, a size or a lock file says of where it is, the layers above have to be read to know, and those are read
/// anyway before the search gets there. A lock file could say which layers need not be read at all, since its result
/// proves the guess; but the audit asks donors for what their other files have, and the same recipe must be judged the
/// same with a lock file as without one.
fn donor_tree(origin: &Origin, grafts: &[&Graft], world: &World<'_>) -> Result<Tree, Error> {
    let caught = Caught::donor(grafts);
    let patterns = grafts.iter().flat_map(|graft| graft.files.iter().chain(&graft.optional));
    if patterns.into_iter().any(|(pattern, _)| is_glob(pattern)) {
        let tree = origin.tree(world, &caught)?;
        satisfied(grafts, &tree.rootfs)?;
        return Ok(tree);
    }
    origin.search(world, &caught, &mut |tree| satisfied(grafts, tree))
}

impl Fetched {
    /// Whether anything of it is others' word: then only a lock file can say that it is right.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.base.is_lent() || self.donors.values().any(Tree::is_lent)
    }
}

/// The files of changes whose bytes are in the store, or come into it while a layer is made.
pub(super) fn stored(changes: &Changeset) -> BTreeSet<Digest> {
    let digests = changes.upserts.values().filter_map(|entry| match &entry.node {
        Node::File(Content::Stored { digest, .. }) => Some(*digest),
        _ => None,
    });
    digests.collect()
}

/// The grafts that take from this donor.
pub(super) fn grafts_from<'a>(recipe: &'a Recipe, name: &str) -> Vec<&'a Graft> {
    let grafts = recipe.steps.iter().filter_map(|step| match &step.action {
        Action::Graft(graft) => Some(graft),
        _ => None,
    });
    grafts.filter(|graft| graft.from == name).collect()
}

/// Whether every graft can be answered by this part of the tree.
pub(super) fn satisfied(grafts: &[&Graft], tree: &Rootfs) -> Result<bool, Error> {
    for graft in grafts {
        match edit::graft::select(graft, tree) {
            Err(error) if error.needs_lower_layers() => return Ok(false),
            Err(error) if tree.is_complete() => return Err(error.into()),
            Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
    Ok(true)
}

impl Fetched {
    /// Settles the decisions with the bytes.
    ///
    /// # Errors
    /// A patch that does not fit.
    pub fn edit(&self) -> Result<Edited, Error> {
        Ok(edit::settle(&self.decided, &self.contents, &self.base.rootfs)?)
    }
}
