//! Directories of search paths. ld.so looks into few of them, and into each for many names: what a directory's own
//! name leads to is found once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::place;
use super::place::Spot;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::Rootfs;
use crate::rootfs::TreeNode;

/// A directory that is there.
#[derive(Debug)]
pub(super) struct Directory {
    /// As the search names it, without a slash at the end: `$ORIGIN` of what is opened in it.
    text: String,
    /// All links followed.
    real: ImagePath,
}

impl Directory {
    fn find(tree: &Rootfs, text: String) -> Option<Self> {
        let real = place::canonical(tree, &format!("{text}/"))?;
        tree.get(&real).is_some_and(TreeNode::is_directory).then_some(Self { text, real })
    }

    /// The path that `open` is given for a name in it.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.text)
    }

    /// What that path means to `open`.
    pub(super) fn spot<'a>(&self, tree: &'a Rootfs, name: &str) -> Spot<'a> {
        let path = self.real.join(name).ok().filter(|_| tree.is_complete());
        let Some(path) = path else {
            return place::spot(tree, &self.path(name));
        };
        match tree.get(&path) {
            None => Spot::Absent,
            Some(node) if matches!(node.entry.node, Node::File(_)) => Spot::File(path, node),
            Some(_) => place::spot(tree, &self.path(name)),
        }
    }
}

/// Directories by the text they were asked for by.
#[derive(Debug, Default)]
pub(super) struct Directories(Mutex<BTreeMap<String, Arc<[Directory]>>>);

impl Directories {
    /// What is there of `directory` and of its subdirectories `levels`, these first.
    pub(super) fn of(&self, tree: &Rootfs, directory: &str, levels: &[&str]) -> Arc<[Directory]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(directory) {
            return Arc::clone(found);
        }
        let below = levels.iter().map(|level| format!("{directory}/{level}"));
        let all = below.chain([directory.to_owned()]);
        let found: Arc<[Directory]> = all.filter_map(|text| Directory::find(tree, text)).collect();
        known.insert(directory.to_owned(), Arc::clone(&found));
        found
    }
}
