//! What differs between two images' trees.

pub mod human;
pub mod json;

use crate::build::diff::Difference;
use crate::layer::Node;

/// Two images and what differs.
#[derive(Debug)]
pub struct Compared {
    /// The first image as the user wrote it, and its digest.
    pub before: (String, String),
    /// The second.
    pub after: (String, String),
    /// What differs, by path.
    pub differences: Vec<Difference>,
}

impl Compared {
    /// How many paths are only in the second, only in the first, and in both but not the same.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |before, after| {
            let some = |d: &&Difference| (d.before.is_some(), d.after.is_some()) == (before, after);
            self.differences.iter().filter(some).count()
        };
        (count(false, true), count(true, false), count(true, true))
    }
}

/// A word for what something is.
const fn kind(node: &Node) -> &'static str {
    match node {
        Node::Directory => "directory",
        Node::File(_) => "file",
        Node::Symlink(_) => "link",
        Node::Hardlink(_) => "hard link",
        Node::CharDevice(..) => "character device",
        Node::BlockDevice(..) => "block device",
        Node::Fifo => "pipe",
    }
}

/// Length of a file in bytes.
fn size(node: &Node) -> Option<u64> {
    match node {
        Node::File(content) => Some(content.size()),
        _ => None,
    }
}

/// Where a link leads.
fn target(node: &Node) -> Option<String> {
    match node {
        Node::Symlink(target) => Some(String::from_utf8_lossy(target).into_owned()),
        _ => None,
    }
}

/// Numbers of a device.
fn device(node: &Node) -> Option<String> {
    match node {
        Node::CharDevice(major, minor) | Node::BlockDevice(major, minor) => Some(format!("{major}:{minor}")),
        _ => None,
    }
}
