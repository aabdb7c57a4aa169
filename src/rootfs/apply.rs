//! One changeset onto a tree (image-spec `layer.md`, "Applying Changesets").
//!
//! Where the specification is silent, as containerd does on a mounted parent (`pkg/archive/tar.go`): entries
//! land where the symbolic links above them lead, and a directory that a layer only implies never replaces a
//! link. A *directory entry* on a link replaces it, as anything but a directory on a directory does; umoci
//! and Docker do the same. (Docker's overlay2 unpacks each layer alone, so there an implied directory hides
//! the link: moby#41035. A layer that has entries for all parents means the same everywhere.)

use std::ops::Bound;

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;

use super::Rootfs;
use super::TreeNode;
use super::error::Error;
use super::walk::End;
use super::walk::Way;

const FOLLOW: Way = Way { last: true, strict: false };
const KEEP_LAST: Way = Way { last: false, strict: false };
const CERTAIN: Way = Way { last: true, strict: true };

/// The directory that the last entry landed in: entries come sorted, so the next one is mostly there too.
struct Landed {
    named: ImagePath,
    real: ImagePath,
    certain: bool,
}

impl Rootfs {
    /// Puts `changes` on top. A failure leaves the tree half changed: callers drop it then.
    pub(super) fn apply(&mut self, changes: &Changeset, layer: usize) -> Result<(), Error> {
        self.hide(changes);
        let mut last = None;
        for (path, entry) in &changes.upserts {
            if matches!(entry.node, Node::Hardlink(_)) {
                continue;
            }
            if path.is_root() && entry.node != Node::Directory {
                return Err(Error::Root { layer });
            }
            let at = self.land(path, layer, &mut last)?;
            let inode = self.next_inode;
            self.next_inode += 1;
            self.put(at, TreeNode { entry: entry.clone(), layer, inode, implied: false });
        }
        for (path, entry) in &changes.upserts {
            if let Node::Hardlink(target) = &entry.node {
                let at = self.land(path, layer, &mut last)?;
                self.link(changes, path, at, target, layer)?;
            }
        }
        if !self.complete {
            self.note_doubts(changes, layer);
        }
        Ok(())
    }

    /// Removes what whiteouts hide: before anything of the same layer is there, so that they cannot touch it.
    fn hide(&mut self, changes: &Changeset) {
        let emptied: Vec<ImagePath> =
            changes.opaque.iter().filter_map(|path| self.lower(changes, path, FOLLOW)).collect();
        let gone: Vec<ImagePath> =
            changes.removals.iter().filter_map(|path| self.lower(changes, path, KEEP_LAST)).collect();
        for directory in emptied {
            self.remove_below(&directory);
        }
        for path in gone {
            self.remove(&path);
        }
    }

    /// Where a whiteout's path is in the lower layers; `None` where it hides nothing more: what is above it, or
    /// for an opaque directory itself, is removed or replaced by this very layer.
    fn lower(&self, changes: &Changeset, path: &ImagePath, way: Way) -> Option<ImagePath> {
        let is_file = |at: &ImagePath| self.nodes.get(at).is_some_and(|node| !node.is_directory());
        let is_file_below =
            |above: &ImagePath| matches!(self.walk(above, KEEP_LAST), End::At(at) if is_file(&at));
        let replaced = |above: &ImagePath| {
            changes.removals.contains(above) || (changes.upserts.contains_key(above) && is_file_below(above))
        };
        if path.ancestors().iter().any(replaced) || (way.last && replaced(path)) {
            return None;
        }
        match self.walk(path, way) {
            End::At(at) => Some(at),
            _ => None,
        }
    }

    /// Where an entry lands: the directories above it are followed or made.
    fn land(
        &mut self,
        path: &ImagePath,
        layer: usize,
        last: &mut Option<Landed>,
    ) -> Result<ImagePath, Error> {
        let Some(parent) = path.parent() else {
            return Ok(ImagePath::root());
        };
        let landed = match last.take() {
            Some(landed) if landed.named == parent => landed,
            _ => self.land_directory(parent, path, layer)?,
        };
        if !landed.certain {
            self.doubts.floating.insert(path.name().to_vec(), layer);
        }
        let at = landed.real.join(path.name());
        *last = Some(landed);
        at.map_err(|_| Error::Loop { path: path.clone(), layer })
    }

    fn land_directory(&mut self, named: ImagePath, path: &ImagePath, layer: usize) -> Result<Landed, Error> {
        let mut certain = true;
        if !self.complete
            && let End::Unknown { rest, .. } = self.walk(&named, CERTAIN)
        {
            certain = false;
            self.doubts.made = true;
            self.doubts.floating.extend(rest.into_iter().map(|name| (name, layer)));
        }
        loop {
            match self.walk(&named, FOLLOW) {
                End::At(real) if self.nodes.get(&real).is_some_and(TreeNode::is_directory) => {
                    return Ok(Landed { named, real, certain });
                }
                End::Missing { at, .. } => self.imply(at, layer),
                // The layer says that this is a directory now; but a link says nothing about where it leads.
                End::At(at) | End::NotDirectory { at } if named.is_within(&at) => self.imply(at, layer),
                End::At(above) | End::NotDirectory { at: above } => {
                    return Err(Error::NotDirectory { path: path.clone(), above, layer });
                }
                End::Loop | End::Unknown { .. } => {
                    return Err(Error::Loop { path: path.clone(), layer });
                }
            }
        }
    }

    /// Makes a directory that no layer has an entry for.
    fn imply(&mut self, at: ImagePath, layer: usize) {
        let entry = Entry { meta: Meta::root(0o755), node: Node::Directory };
        let inode = self.next_inode;
        self.next_inode += 1;
        self.put(at, TreeNode { entry, layer, inode, implied: true });
    }

    /// Puts a node where it lands. Only a directory on a directory keeps what is below.
    fn put(&mut self, at: ImagePath, node: TreeNode) {
        let was_directory = self.nodes.get(&at).map(TreeNode::is_directory);
        if !(was_directory == Some(true) && node.is_directory()) {
            let was_file = was_directory == Some(false) || self.doubts.dangling.contains(&at);
            self.doubts.dangling.remove(&at);
            if was_directory.is_some() {
                self.remove(&at);
            }
            if was_file && node.is_directory() && !self.complete {
                // The file hid what missing layers have below, and the directory does not bring it back.
                self.doubts.hidden.insert(at.clone());
            }
        }
        self.nodes.insert(at, node);
    }

    /// Adds a name to the file that a hard link means, of this layer or of a lower one.
    fn link(
        &mut self,
        changes: &Changeset,
        path: &ImagePath,
        at: ImagePath,
        target: &ImagePath,
        layer: usize,
    ) -> Result<(), Error> {
        let wrong = || Error::Hardlink { path: path.clone(), target: target.clone(), layer };
        let mut file = target;
        let mut steps = 0;
        while let Some(Node::Hardlink(next)) = changes.upserts.get(file).map(|entry| &entry.node) {
            file = next;
            steps += 1;
            if steps > changes.upserts.len() {
                return Err(wrong());
            }
        }
        let strict = Way { last: false, strict: true };
        let real = match self.walk(file, strict) {
            End::At(real) if !real.is_within(&at) => real,
            End::Unknown { .. } => {
                self.remove(&at);
                self.doubts.dangling.insert(at);
                return Ok(());
            }
            _ => return Err(wrong()),
        };
        let node = self.nodes.get(&real).filter(|node| !node.is_directory()).cloned().ok_or_else(wrong)?;
        let inode = node.inode;
        self.put(at.clone(), node);
        self.names.entry(inode).or_default().extend([real, at]);
        Ok(())
    }

    /// Notes what this layer says about missing ones. Its own directories are there already, so a whiteout
    /// below one that it has an entry for is certain.
    fn note_doubts(&mut self, changes: &Changeset, layer: usize) {
        let is_file = |path: &ImagePath| changes.upserts.get(path).is_some_and(|e| e.node != Node::Directory);
        for path in &changes.removals {
            let Some(parent) = path.parent() else { continue };
            if path.ancestors().iter().any(is_file) {
                continue;
            }
            match self.walk(&parent, CERTAIN) {
                End::At(real) => self.doubts.hidden.extend(real.join(path.name()).ok()),
                End::Unknown { .. } => {
                    self.doubts.floating.insert(path.name().to_vec(), layer);
                }
                _ => {}
            }
        }
        for path in &changes.opaque {
            if is_file(path) || path.ancestors().iter().any(is_file) {
                continue;
            }
            match self.walk(path, CERTAIN) {
                End::At(real) => {
                    self.doubts.hidden.insert(real);
                }
                End::Unknown { .. } => self.doubts.emptied = Some(layer),
                _ => {}
            }
        }
    }

    /// Removes a path with all that is below it. The root itself stays.
    fn remove(&mut self, path: &ImagePath) {
        self.remove_below(path);
        self.doubts.dangling.remove(path);
        if !path.is_root()
            && let Some(node) = self.nodes.remove(path)
        {
            self.forget_name(path, node.inode);
        }
    }

    fn remove_below(&mut self, directory: &ImagePath) {
        let below: Vec<(ImagePath, u64)> =
            self.under(directory).map(|(path, node)| (path.clone(), node.inode)).collect();
        for (path, inode) in below {
            self.nodes.remove(&path);
            self.forget_name(&path, inode);
        }
        let bounds = (Bound::Excluded(directory), Bound::Unbounded);
        let dangling = self.doubts.dangling.range::<ImagePath, _>(bounds);
        let below: Vec<ImagePath> = dangling.take_while(|path| path.is_within(directory)).cloned().collect();
        for path in below {
            self.doubts.dangling.remove(&path);
        }
    }

    fn forget_name(&mut self, path: &ImagePath, inode: u64) {
        if let Some(names) = self.names.get_mut(&inode) {
            names.remove(path);
            if names.len() < 2 {
                self.names.remove(&inode);
            }
        }
    }
}
