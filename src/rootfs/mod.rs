//! The tree of an image: a fold over the changesets of its layers.
//!
//! Knows nothing of where layers come from; file bytes are named by layer number and offset.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::layer::Entry;
use crate::oci::ImagePath;

/// The file tree that layers make together, or the part of it that the upper layers decide.
#[derive(Debug, Clone, Default)]
pub struct Rootfs {
    nodes: BTreeMap<ImagePath, TreeNode>,
    /// Paths that an upper layer hides, kept only while lower layers are missing.
    hidden: BTreeSet<ImagePath>,
    complete: bool,
}

/// One object of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// What it is. A hard link is folded into the file it names: the entry is never `Node::Hardlink`.
    pub entry: Entry,
    /// Number of the layer that brought it, counted from the image's bottom layer, 0.
    pub layer: usize,
    /// Names of one file share this number; it says nothing across trees.
    pub inode: u64,
    /// A directory that no layer has an entry for: it exists because something is in it.
    pub implied: bool,
}
