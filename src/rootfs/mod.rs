//! The tree of an image: a fold over the changesets of its layers.
//!
//! Knows nothing of where layers come from; file bytes are named by layer number and offset.

mod apply;
mod error;
mod lookup;
mod walk;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;

pub use error::Error;
pub use error::LookupError;
pub use lookup::Lookup;

/// The file tree that layers make together, or the part of it that the upper layers decide.
///
/// Every node's parents are in it too, up to the root.
#[derive(Debug, Clone)]
pub struct Rootfs {
    nodes: BTreeMap<ImagePath, TreeNode>,
    /// Names of inodes that have more than one.
    names: BTreeMap<u64, BTreeSet<ImagePath>>,
    next_inode: u64,
    complete: bool,
    /// What is known about layers that are not, only while `complete` is false.
    doubts: Doubts,
}

/// One object of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// What it is. A hard link is folded into the file it names: the entry is never `Node::Hardlink`.
    pub entry: Entry,
    /// Number of the layer that brought it, counted from the image's bottom layer, 0.
    /// For a hard link, the layer that brought the file: its content is there.
    pub layer: usize,
    /// Names of one file share this number; it says nothing across trees.
    pub inode: u64,
    /// A directory that no layer has an entry for: it exists because something is in it.
    pub implied: bool,
}

impl TreeNode {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.entry.node == Node::Directory
    }
}

/// Why an answer may depend on layers that are missing.
#[derive(Debug, Clone, Default)]
struct Doubts {
    /// Paths of which nothing in missing layers shows: themselves and all that is below them.
    hidden: BTreeSet<ImagePath>,
    /// Hard links to files of missing layers.
    dangling: BTreeSet<ImagePath>,
    /// Names that were put into, or removed from, a directory that may be a symbolic link in a missing
    /// layer, with the last layer that did so: they may have landed anywhere.
    floating: BTreeMap<Vec<u8>, usize>,
    /// Something was put into such a directory. If the link leads to nothing, directories were made where it
    /// leads, which can be anywhere.
    made: bool,
    /// The last layer that emptied a directory which may be a symbolic link in a missing layer.
    emptied: Option<usize>,
}

impl Rootfs {
    /// The tree of `layers`, bottom first, the first of them being the image's layer number `bottom`.
    ///
    /// With `complete`, nothing is below them. Without, lower layers are missing, and lookups say
    /// [`LookupError::Unknown`] where the answer depends on them; every other answer stands, whatever they hold.
    /// Takes O(n log n) for n entries.
    ///
    /// # Errors
    /// Layers that contradict themselves: see [`Error`].
    pub fn fold(bottom: usize, layers: &[&Changeset], complete: bool) -> Result<Self, Error> {
        let root = TreeNode {
            entry: Entry { meta: Meta::root(0o755), node: Node::Directory },
            layer: bottom,
            inode: 0,
            implied: true,
        };
        let mut tree = Self {
            nodes: [(ImagePath::root(), root)].into(),
            names: BTreeMap::new(),
            next_inode: 1,
            complete,
            doubts: Doubts::default(),
        };
        for (number, changes) in (bottom..).zip(layers) {
            tree.apply(changes, number)?;
        }
        Ok(tree)
    }

    /// This tree with one more layer, number `layer`, on top.
    ///
    /// # Errors
    /// As [`Rootfs::fold`].
    pub fn with(&self, changes: &Changeset, layer: usize) -> Result<Self, Error> {
        let mut tree = self.clone();
        tree.apply(changes, layer)?;
        Ok(tree)
    }

    /// Whether no layer is missing.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What is at exactly this path; no link is followed, the ones above it neither.
    ///
    /// While layers are missing this is only what the known ones say: [`Rootfs::resolve`] knows what stands.
    #[must_use]
    pub fn get(&self, path: &ImagePath) -> Option<&TreeNode> {
        self.nodes.get(path)
    }

    /// Everything, the root first, each directory before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        self.nodes.iter()
    }

    /// What is in a directory, by name. Nothing for a path that is none; no link is followed.
    pub fn children(&self, directory: &ImagePath) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        let below = move |found: &(&ImagePath, &TreeNode)| found.0.is_within(directory);
        let first = self.after(directory).next().filter(below);
        std::iter::successors(first, move |(child, _)| {
            // No name without a NUL sorts between this and what is below the child.
            let next = ImagePath::from_tar(&[child.as_bytes(), &[1]].concat()).ok()?;
            self.nodes.range(next..).next().filter(below)
        })
    }

    /// Everything below a directory, each directory before what is in it.
    pub fn under(&self, directory: &ImagePath) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        self.after(directory).take_while(move |(path, _)| path.is_within(directory))
    }

    fn after(&self, path: &ImagePath) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        self.nodes.range((Bound::Excluded(path), Bound::Unbounded))
    }

    /// The other names of the file at exactly this path.
    #[must_use]
    pub fn aliases(&self, path: &ImagePath) -> Vec<ImagePath> {
        let names = self.nodes.get(path).and_then(|node| self.names.get(&node.inode));
        names.into_iter().flatten().filter(|name| *name != path).cloned().collect()
    }
}
