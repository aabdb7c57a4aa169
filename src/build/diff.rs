//! What differs between the trees of two images, from their indexes. Files of equal size are told apart by hashes: no
//! layer is read while those are known.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::build::Error;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::edit::Place;
use crate::edit::place::place_of;
use crate::index;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;

/// One path that differs.
#[derive(Debug)]
pub struct Difference {
    /// The path.
    pub path: ImagePath,
    /// What is there in the first image.
    pub before: Option<TreeNode>,
    /// What is there in the second.
    pub after: Option<TreeNode>,
    /// In what they differ; empty when one of them is not there.
    pub what: BTreeSet<Aspect>,
}

/// In what two objects of one path can differ. Times are not looked at: each build has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Directory, file, link, device or pipe.
    Kind,
    /// Length of a file.
    Size,
    /// Bytes of a file.
    Content,
    /// Where a link leads.
    Target,
    /// Numbers of a device.
    Device,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Extended attributes.
    Attributes,
}

/// A path of both images, what is there, and in what it is known to differ.
type Pair<'a> = (&'a ImagePath, &'a TreeNode, &'a TreeNode, BTreeSet<Aspect>);

/// What differs, by path, among the paths that are `wanted`.
///
/// # Errors
/// When a layer cannot be had.
pub fn diff(
    before: &Origin,
    after: &Origin,
    wanted: &dyn Fn(&ImagePath) -> bool,
    world: &World<'_>,
) -> Result<Vec<Difference>, Error> {
    if before.image.manifest.digest() == after.image.manifest.digest() {
        return Ok(Vec::new());
    }
    let (old, new) = (before.tree(world, &Caught::default())?, after.tree(world, &Caught::default())?);
    let mut all = only_in_one(&old, &new, wanted);
    let mut pairs = Vec::new();
    for (path, node) in old.rootfs.iter().filter(|(path, _)| wanted(path)) {
        if let Some(other) = new.rootfs.get(path).filter(|other| !is_shared((before, node), (after, other))) {
            pairs.push((path, node, other, looks(node, other)));
        }
    }
    let open = |pair: &&Pair<'_>| is_open(pair.1, pair.2);
    let olds = hashes(before, &old, pairs.iter().filter(open).filter_map(|pair| place_of(pair.1)), world)?;
    let news = hashes(after, &new, pairs.iter().filter(open).filter_map(|pair| place_of(pair.2)), world)?;
    for (path, node, other, mut what) in pairs {
        let hash = |node: &TreeNode, known: &BTreeMap<Place, Digest>| known.get(&place_of(node)?).copied();
        if is_open(node, other) && hash(node, &olds) != hash(other, &news) {
            what.insert(Aspect::Content);
        }
        if !what.is_empty() {
            let (before, after) = (Some(node.clone()), Some(other.clone()));
            all.push(Difference { path: path.clone(), before, after, what });
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

fn only_in_one(old: &Tree, new: &Tree, wanted: &dyn Fn(&ImagePath) -> bool) -> Vec<Difference> {
    let missing = |from: &Tree, to: &Tree| -> Vec<(ImagePath, TreeNode)> {
        let all = from.rootfs.iter().filter(|(path, _)| wanted(path) && to.rootfs.get(path).is_none());
        all.map(|(path, node)| (path.clone(), node.clone())).collect()
    };
    let removed = missing(old, new).into_iter().map(|(path, node)| (path, Some(node), None));
    let added = missing(new, old).into_iter().map(|(path, node)| (path, None, Some(node)));
    removed
        .chain(added)
        .map(|(path, before, after)| Difference { path, before, after, what: BTreeSet::new() })
        .collect()
}

/// Whether both are the same entry of one layer that the images share: equal without looking.
fn is_shared((before, node): (&Origin, &TreeNode), (after, other): (&Origin, &TreeNode)) -> bool {
    let layer = |origin: &Origin, node: &TreeNode| origin.image.config.diff_ids().get(node.layer).copied();
    let layers = (layer(before, node), layer(after, other));
    layers.0.is_some() && layers.0 == layers.1 && node.entry == other.entry
}

/// Whether only their bytes can say whether two files are the same.
fn is_open(node: &TreeNode, other: &TreeNode) -> bool {
    let size = |node: &TreeNode| place_of(node).map(|place| place.size).filter(|size| *size > 0);
    size(node).is_some() && size(node) == size(other)
}

/// In what two objects differ by what the indexes say.
fn looks(node: &TreeNode, other: &TreeNode) -> BTreeSet<Aspect> {
    let (a, b) = (&node.entry.meta, &other.entry.meta);
    let meta = [
        (a.mode != b.mode, Aspect::Mode),
        ((a.uid, a.gid) != (b.uid, b.gid), Aspect::Owner),
        (a.xattrs != b.xattrs, Aspect::Attributes),
    ];
    let mut what: BTreeSet<Aspect> = meta.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    match (&node.entry.node, &other.entry.node) {
        (Node::File(a), Node::File(b)) if a.size() != b.size() => {
            what.extend([Aspect::Size, Aspect::Content]);
        }
        (Node::File(_), Node::File(_)) => {}
        (Node::Symlink(a), Node::Symlink(b)) if a != b => what.extend([Aspect::Target]),
        (Node::CharDevice(..), Node::CharDevice(..)) | (Node::BlockDevice(..), Node::BlockDevice(..))
            if node.entry.node != other.entry.node =>
        {
            what.extend([Aspect::Device]);
        }
        (a, b) if std::mem::discriminant(a) != std::mem::discriminant(b) => what.extend([Aspect::Kind]),
        _ => {}
    }
    what
}

/// The hashes of files of an image: of ELF files from the index, of others from what was learned before, and of the
/// rest from one pass over each of their layers.
fn hashes(
    origin: &Origin,
    tree: &Tree,
    places: impl Iterator<Item = Place>,
    world: &World<'_>,
) -> Result<BTreeMap<Place, Digest>, Error> {
    let mut known = BTreeMap::new();
    let mut by_layer: BTreeMap<usize, BTreeMap<u64, u64>> = BTreeMap::new();
    let objects: BTreeMap<usize, _> =
        tree.indexes.iter().map(|(number, index)| (*number, index.objects_by_offset())).collect();
    for place in places {
        let layer = origin.image.manifest.layers.get(place.layer).map(|layer| layer.digest);
        let word = tree.word(place.layer);
        let object = objects.get(&place.layer).and_then(|objects| objects.get(&place.offset));
        let object = object.map(|object| object.digest);
        let digest =
            object.or_else(|| index::known_digest(world.store, &layer?, place.offset, place.size, word));
        match digest {
            Some(digest) => drop(known.insert(place, digest)),
            None => drop(by_layer.entry(place.layer).or_default().insert(place.offset, place.size)),
        }
    }
    for (layer, wanted) in by_layer {
        let found = origin.hashes(world, (layer, tree.word(layer)), &wanted)?;
        for (offset, size) in wanted {
            if let Some(digest) = found.get(&(offset, size)) {
                known.insert(Place { layer, offset, size }, *digest);
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Content;
    use crate::layer::Entry;
    use crate::layer::Meta;

    fn node(node: Node, mode: u32) -> TreeNode {
        TreeNode { entry: Entry { meta: Meta::root(mode), node }, layer: 0, inode: 0, implied: false }
    }

    fn file(size: u64) -> Node {
        Node::File(Content::InLayer { offset: 512, size })
    }

    #[test]
    fn looks_say_what_differs() {
        use Aspect::*;
        let link = |to: &str| Node::Symlink(to.into());
        for (a, b, want) in [
            (node(file(3), 0o644), node(file(3), 0o644), vec![]),
            (node(file(3), 0o644), node(file(4), 0o755), vec![Size, Content, Mode]),
            (node(link("a"), 0o777), node(link("b"), 0o777), vec![Target]),
            (node(Node::Directory, 0o755), node(link("b"), 0o777), vec![Kind, Mode]),
            (node(Node::CharDevice(1, 3), 0o600), node(Node::CharDevice(1, 5), 0o600), vec![Device]),
            (node(Node::CharDevice(1, 3), 0o600), node(Node::BlockDevice(1, 3), 0o600), vec![Kind]),
        ] {
            assert_eq!(looks(&a, &b).into_iter().collect::<Vec<_>>(), want);
        }
    }

    #[test]
    fn only_files_of_one_size_with_bytes_are_open() {
        let link = node(Node::Symlink("a".into()), 0o777);
        assert!(is_open(&node(file(3), 0), &node(file(3), 0)));
        assert!(!is_open(&node(file(3), 0), &node(file(4), 0)));
        assert!(!is_open(&node(file(0), 0), &node(file(0), 0)));
        assert!(!is_open(&node(file(3), 0), &link));
    }
}
