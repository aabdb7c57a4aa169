//! The files that move, and why.

use std::collections::BTreeMap;

use super::reason::Reason;
use crate::oci::ImagePath;

/// How strong the grounds are, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// It was asked for.
    Seed,
    /// Without it the loader refuses something.
    Load,
    /// Without it a class has two shapes.
    Layout,
    /// It comes of the same build, and C++ goes between it and what moves.
    Together,
}

/// A file that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its path in the new tree.
    pub from: ImagePath,
    /// For the sake of which set.
    pub tier: Tier,
    /// Whether the old tree has something at its path. Where it has not, nothing is replaced: other names of
    /// the same library, with other hashes, stay beside it.
    pub replaces: bool,
    /// Symbolic links that lead to it and move with it: paths in the old tree.
    pub links: Vec<ImagePath>,
    /// Why, the first cause first.
    pub reasons: Vec<Reason>,
}

/// Everything that moves, by path in the old tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves(BTreeMap<ImagePath, Moved>);

impl Moves {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a file, or one more reason to a file of the same tier. Whether the file is new.
    pub(super) fn add(&mut self, target: ImagePath, moved: Moved) -> bool {
        match self.0.get_mut(&target) {
            Some(known) => {
                if known.tier == moved.tier {
                    for reason in moved.reasons {
                        Reason::merge(&mut known.reasons, reason);
                    }
                }
                false
            }
            None => self.0.insert(target, moved).is_none(),
        }
    }

    pub(super) fn get(&self, target: &ImagePath) -> Option<&Moved> {
        self.0.get(target)
    }

    pub(super) fn remove(&mut self, target: &ImagePath) -> Option<Moved> {
        self.0.remove(target)
    }

    pub(super) fn put(&mut self, target: ImagePath, moved: Moved) {
        self.0.insert(target, moved);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Moved)> {
        self.0.iter()
    }

    pub(super) fn into_inner(self) -> BTreeMap<ImagePath, Moved> {
        self.0
    }
}
