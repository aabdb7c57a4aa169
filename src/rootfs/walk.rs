//! Walking a path through a tree, over the links in it.

use crate::layer::Node;
use crate::oci::ImagePath;

use super::Rootfs;
use super::TreeNode;

/// The most symbolic links of one path: the kernel's limit (`path_resolution(7)`).
const LINKS: usize = 40;

/// Where a walk ended. Paths are real ones: nothing above them is a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There.
    At(ImagePath),
    /// Before something that does not exist; `rest` was not walked, the next component last.
    Missing { at: ImagePath, rest: Vec<Vec<u8>> },
    /// At something that is no directory although more follows.
    NotDirectory { at: ImagePath },
    /// Before something that depends on missing layers; `rest` as above.
    Unknown { at: ImagePath, rest: Vec<Vec<u8>> },
    /// After too many links, or at one that names nothing that can exist.
    Loop,
}

/// How to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// Follow a link that is the last component, too.
    pub(super) last: bool,
    /// Stop where missing layers may have a say; else take what the known ones say.
    pub(super) strict: bool,
}

impl Rootfs {
    /// Walks `path` from the root, as the kernel would in a root file system of its own:
    /// `..` above the root stays there, absolute links begin there.
    pub(super) fn walk(&self, path: &ImagePath, way: Way) -> End {
        let mut at = ImagePath::root();
        let mut rest: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
        rest.reverse();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == b".." {
                at = at.parent().unwrap_or_default();
                continue;
            }
            // Only a NUL in a link's target, which no file system can hold.
            let Ok(next) = at.join(&part) else {
                return End::Loop;
            };
            let node = self.nodes.get(&next);
            if way.strict && self.doubts_about(&next, node) {
                return End::Unknown { at: next, rest };
            }
            match node.map(|node| &node.entry.node) {
                None => return End::Missing { at: next, rest },
                Some(Node::Symlink(target)) if way.last || !rest.is_empty() => {
                    links += 1;
                    if links > LINKS || target.is_empty() {
                        return End::Loop;
                    }
                    if target.starts_with(b"/") {
                        at = ImagePath::root();
                    }
                    let parts = target.split(|byte| *byte == b'/').rev();
                    rest.extend(parts.filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec));
                }
                Some(Node::Directory) => at = next,
                Some(_) if rest.is_empty() => at = next,
                Some(_) => return End::NotDirectory { at: next },
            }
        }
        End::At(at)
    }

    /// Whether missing layers may change what `path` is. What is above it must be certain.
    pub(super) fn doubts_about(&self, path: &ImagePath, node: Option<&TreeNode>) -> bool {
        if self.complete {
            return false;
        }
        let doubts = &self.doubts;
        let since = doubts.floating.get(path.name()).max(doubts.emptied.as_ref());
        match node {
            Some(node) => {
                since.is_some_and(|layer| *layer >= node.layer) || (node.implied && !self.is_hidden(path))
            }
            None => since.is_some() || doubts.made || doubts.dangling.contains(path) || !self.is_hidden(path),
        }
    }

    /// Whether nothing that missing layers have at `path` shows.
    fn is_hidden(&self, path: &ImagePath) -> bool {
        let hidden = &self.doubts.hidden;
        hidden.contains(path) || path.ancestors().iter().any(|above| hidden.contains(above))
    }
}
