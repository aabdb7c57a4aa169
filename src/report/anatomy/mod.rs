//! What a subject is made of: bytes by layer and directory, and who needs whom.
//!
//! Values for pictures. Nothing here decides anything.

pub mod graph;
pub mod layers;

use crate::finding::Severity;

/// The parts of an image or tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// The layers, bottom first.
    pub layers: Vec<LayerPart>,
    /// The files with findings, and their neighbours.
    pub graph: Graph,
}

/// One layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerPart {
    /// What it is called: `layer 3`, `new layer`, or the tree's name.
    pub name: String,
    /// Its digest, when it has one.
    pub digest: Option<String>,
    /// What made it, from the image's history.
    pub instruction: Option<String>,
    /// Bytes of the files it brings.
    pub size: u64,
    /// The same bytes by directory, largest first.
    pub directories: Vec<DirectoryPart>,
}

/// What lies below one directory of a layer and in no other that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryPart {
    /// The directory, or a file large enough to stand for itself.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// How many files.
    pub files: usize,
}

/// Files, and what they need of each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Files, and names that lead to none.
    pub nodes: Vec<Node>,
    /// Needs.
    pub edges: Vec<Edge>,
    /// How many files with findings are not in it, as there were too many.
    pub left_out: usize,
}

/// A file, or something that is wanted and nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Path in the image, or the name that is wanted.
    pub name: String,
    /// The worst finding about it.
    pub worst: Option<Severity>,
    /// Whether there is no such thing.
    pub absent: bool,
}

/// One needs the other: indexes into [`Graph::nodes`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who needs.
    pub from: usize,
    /// Who is needed.
    pub to: usize,
    /// Whether a finding says that it does not work.
    pub broken: bool,
    /// `needs`, or the check that broke it.
    pub label: String,
}
