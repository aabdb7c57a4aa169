//! The old tree with some files of the new one in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Error;
use super::moves::Moves;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::index::Object;
use crate::index::ObjectError;
use crate::index::Objects;
use crate::layer::Changeset;
use crate::layer::Node;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::python::Script;
use crate::rootfs::Rootfs;
use crate::rootfs::TreeNode;

/// The number of the layer that files of the new tree are in: above any that an image has.
const LAYER: usize = usize::MAX >> 1;

/// A tree of two, and the contents of both.
pub(super) struct Mixture<'a> {
    old: View<'a>,
    new: View<'a>,
    tree: Rootfs,
    /// Path in the mixture, to path in the new tree.
    from: BTreeMap<ImagePath, ImagePath>,
}

impl<'a> Mixture<'a> {
    pub(super) fn new(old: View<'a>, new: View<'a>, moves: &Moves) -> Result<Self, Error> {
        let mut changes = Changeset::default();
        let mut from = BTreeMap::new();
        for (target, moved) in moves.iter() {
            if let Some(node) = new.tree.get(&moved.from) {
                changes.upserts.insert(target.clone(), node.entry.clone());
                from.insert(target.clone(), moved.from.clone());
            }
            for link in &moved.links {
                let beside = moved.from.parent().and_then(|parent| parent.join(link.name()).ok());
                if let Some(node) = beside.and_then(|path| new.tree.get(&path)) {
                    changes.upserts.insert(link.clone(), node.entry.clone());
                }
            }
        }
        Ok(Self { old, new, tree: old.tree.with(&changes, LAYER)?, from })
    }

    pub(super) fn view(&self) -> View<'_> {
        View { tree: &self.tree, objects: self, env: self.old.env }
    }

    /// Whose contents they are, by the path and node that they have there.
    fn origin<'s>(&'s self, path: &'s ImagePath, node: &'s TreeNode) -> Origin<'s> {
        let new = self.from.get(path).and_then(|from| Some((from, self.new.tree.get(from)?)));
        match new {
            Some((path, node)) => (self.new.objects, path, node),
            None => (self.old.objects, path, node),
        }
    }
}

type Origin<'s> = (&'s dyn Objects, &'s ImagePath, &'s TreeNode);

impl Objects for Mixture<'_> {
    fn object(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Object>> {
        let (objects, path, node) = self.origin(path, node);
        objects.object(path, node)
    }

    fn symbols(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Symbols>, ObjectError> {
        let (objects, path, node) = self.origin(path, node);
        objects.symbols(path, node)
    }

    fn traits(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Traits>, ObjectError> {
        let (objects, path, node) = self.origin(path, node);
        objects.traits(path, node)
    }

    fn script(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Script>> {
        let (objects, path, node) = self.origin(path, node);
        objects.script(path, node)
    }

    fn bytes(&self, path: &ImagePath, node: &TreeNode) -> Result<Option<Vec<u8>>, ObjectError> {
        let (objects, path, node) = self.origin(path, node);
        objects.bytes(path, node)
    }
}

/// The links of the new tree, beside `file`, that lead to it, as paths beside `target`; not where the old tree
/// has a file of that name, and not those it has too.
pub(super) fn links(old: &Rootfs, new: &Rootfs, file: &ImagePath, target: &ImagePath) -> Vec<ImagePath> {
    let (Some(there), Some(here)) = (file.parent(), target.parent()) else {
        return Vec::new();
    };
    let leads = |path: &ImagePath| new.resolve(path).is_ok_and(|found| found.path == *file);
    let beside = new
        .children(&there)
        .filter(|(path, node)| matches!(node.entry.node, Node::Symlink(_)) && leads(path));
    let landed = beside.filter_map(|(path, node)| {
        let link = here.join(path.name()).ok()?;
        match old.get(&link).map(|known| &known.entry.node) {
            Some(Node::Symlink(known)) if Node::Symlink(known.clone()) == node.entry.node => None,
            None | Some(Node::Symlink(_)) => Some(link),
            Some(_) => None,
        }
    });
    landed.collect()
}
