//! Properties: writing and reading is the identity, a tree is what a plain model makes of the same layers,
//! and what is known of upper layers alone stays true whatever is below them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::oci::ImagePath;
use imgforge::rootfs::LookupError;
use imgforge::rootfs::Rootfs;
use proptest::prelude::*;

use crate::tar_of::decoded;
use crate::tar_of::encoded;
use crate::tar_of::path;

fn any_meta() -> impl Strategy<Value = Meta> {
    let xattrs = prop::collection::btree_map(
        "[a-z]{1,9}\\.[a-z.\\n]{1,9}",
        prop::collection::vec(any::<u8>(), 0..40),
        0..3,
    );
    (0..0o10000_u32, any::<u64>(), 0..9_000_000_u64, any::<i64>(), xattrs).prop_map(
        |(mode, uid, gid, mtime, xattrs)| {
            let xattrs = xattrs.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            Meta { mode, uid, gid, mtime, xattrs }
        },
    )
}

fn any_node() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(Node::Directory),
        prop::collection::vec(any::<u8>(), 0..1100).prop_map(|all| Node::File(Content::Bytes(all))),
        prop::collection::vec(1..255_u8, 1..160).prop_map(Node::Symlink),
        (0..0o777_7777_u32, any::<u16>()).prop_map(|(major, minor)| Node::BlockDevice(major, minor.into())),
        Just(Node::CharDevice(1, 3)),
        Just(Node::Fifo),
    ]
}

/// A path of up to four components, of any bytes that a name may have.
fn any_path() -> impl Strategy<Value = ImagePath> {
    let name =
        prop::collection::vec(any::<u8>().prop_filter("no name", |b| !matches!(b, 0 | b'/' | b'.')), 1..60);
    prop::collection::vec(name, 1..5).prop_map(|parts| ImagePath::from_tar(&parts.join(&b'/')).unwrap())
}

/// Entries of any kind, with nothing below files, and hard links to some of the files.
fn any_changes() -> impl Strategy<Value = Changeset> {
    let entries = prop::collection::vec((any_path(), any_meta(), any_node()), 0..8);
    let removals = prop::collection::btree_set(any_path(), 0..4);
    let opaque = prop::collection::btree_set(any_path(), 0..2);
    (entries, removals, opaque, any_path()).prop_map(|(entries, removals, opaque, link)| {
        let mut changes = Changeset { upserts: BTreeMap::new(), removals, opaque };
        for (path, meta, node) in entries {
            for above in path.ancestors() {
                changes.upserts.insert(above, Entry { meta: meta.clone(), node: Node::Directory });
            }
            changes.upserts.entry(path).or_insert(Entry { meta, node });
        }
        let file = changes.upserts.iter().find(|(_, entry)| matches!(entry.node, Node::File(_)));
        if let Some((target, entry)) = file.map(|(path, entry)| (path.clone(), entry.clone())) {
            changes.upserts.entry(link).or_insert(Entry { meta: entry.meta, node: Node::Hardlink(target) });
        }
        let files: Vec<ImagePath> = changes
            .upserts
            .iter()
            .filter(|(_, e)| e.node != Node::Directory)
            .map(|(p, _)| p.clone())
            .collect();
        let is_clear = |path: &ImagePath| !files.iter().any(|file| path.is_within(file));
        changes.removals.retain(|path| is_clear(path) && !changes.upserts.contains_key(path));
        let roots = changes.removals.clone();
        changes.removals.retain(|path| !path.ancestors().iter().any(|above| roots.contains(above)));
        changes.opaque.retain(is_clear);
        let removed = changes.removals.clone();
        let is_kept = |path: &ImagePath| !removed.iter().any(|gone| path.is_within(gone));
        changes.opaque.retain(is_kept);
        changes.removals.retain(|path| !changes.upserts.keys().any(|kept| kept.is_within(path)));
        changes
    })
}

/// Puts the bytes back that `decode` only names.
fn with_bytes(tar: &[u8], mut changes: Changeset) -> Changeset {
    for entry in changes.upserts.values_mut() {
        if let Node::File(Content::InLayer { offset, size }) = entry.node {
            let start = usize::try_from(offset).unwrap();
            let bytes = tar[start..start + usize::try_from(size).unwrap()].to_vec();
            entry.node = Node::File(Content::Bytes(bytes));
        }
    }
    changes
}

/// What a tree has at a path, for comparison: kind and layer, the file's own path for links.
type Seen = BTreeMap<String, (char, usize)>;

fn kind(node: &Node) -> char {
    match node {
        Node::Directory => 'd',
        Node::Symlink(_) => 'l',
        _ => 'f',
    }
}

fn seen(tree: &Rootfs) -> Seen {
    tree.iter()
        .skip(1)
        .map(|(path, node)| {
            (path.to_string(), (if node.implied { 'i' } else { kind(&node.entry.node) }, node.layer))
        })
        .collect()
}

/// The same without any cleverness: texts in a map, scanned from end to end. `None` for a link to no file.
fn model(layers: &[Changeset]) -> Option<Seen> {
    let mut tree = Seen::new();
    let below = |path: &str, above: &str| path.starts_with(&format!("{above}/"));
    for (number, changes) in layers.iter().enumerate() {
        for path in changes.removals.iter().map(ToString::to_string) {
            tree.retain(|other, _| *other != path && !below(other, &path));
        }
        for path in changes.opaque.iter().map(ToString::to_string) {
            tree.retain(|other, _| !below(other, &path));
        }
        let is_link = |entry: &Entry| matches!(entry.node, Node::Hardlink(_));
        let (links, others): (Vec<_>, Vec<_>) = changes.upserts.iter().partition(|(_, entry)| is_link(entry));
        for (path, entry) in others.into_iter().chain(links) {
            for above in path.ancestors().iter().skip(1).map(ToString::to_string) {
                let is_directory = tree.get(&above).is_some_and(|(kind, _)| matches!(kind, 'd' | 'i'));
                if !is_directory {
                    tree.insert(above, ('i', number));
                }
            }
            let new = match &entry.node {
                Node::Hardlink(target) if target.is_within(path) => return None,
                Node::Hardlink(target) => *tree.get(&target.to_string()).filter(|(kind, _)| *kind == 'f')?,
                node => (kind(node), number),
            };
            let path = path.to_string();
            if new.0 != 'd' {
                tree.retain(|other, _| !below(other, &path));
            }
            tree.insert(path, new);
        }
    }
    Some(tree)
}

/// Layers over few names, so that they meet. Links lead to other places of the same few names.
fn few_layers(links: bool) -> impl Strategy<Value = Vec<Changeset>> {
    let name = "[abc](/[abc]){0,2}";
    let target = prop_oneof!["/[abc](/[abc])?", "[abc]", "\\.\\./[abc]"];
    let file = Just(Node::File(Content::InLayer { offset: 0, size: 1 })).boxed();
    let link = name.prop_map(|target| Node::Hardlink(path(&target)));
    let node = match links {
        true => prop_oneof![1 => link, 3 => Just(Node::Directory), 2 => file, 2 => target.prop_map(|text| Node::Symlink(text.into()))].boxed(),
        false => prop_oneof![5 => Just(Node::Directory), 5 => file, 1 => link].boxed(),
    };
    let layer = (
        prop::collection::vec((name, node), 0..5),
        prop::collection::btree_set(name, 0..2),
        prop::collection::btree_set(name, 0..2),
        any::<bool>(),
    )
        .prop_map(|(entries, removals, opaque, parents)| {
            let paths = |names: BTreeSet<String>| names.iter().map(|name| path(name)).collect();
            let mut changes =
                Changeset { upserts: BTreeMap::new(), removals: paths(removals), opaque: paths(opaque) };
            for (name, node) in entries {
                let path = path(&name);
                let is_below_file =
                    |above: &ImagePath| changes.upserts.get(above).is_some_and(|e| e.node != Node::Directory);
                let has_below = changes.upserts.keys().any(|other| other != &path && other.is_within(&path));
                if path.ancestors().iter().any(is_below_file) || (has_below && node != Node::Directory) {
                    continue;
                }
                if parents {
                    for above in path.ancestors().into_iter().skip(1) {
                        changes
                            .upserts
                            .entry(above)
                            .or_insert(Entry { meta: Meta::root(0o755), node: Node::Directory });
                    }
                }
                changes.upserts.insert(path, Entry { meta: Meta::root(0o755), node });
            }
            let names = changes.upserts.clone();
            changes.upserts.retain(|_, entry| match &entry.node {
                // The model knows no chains.
                Node::Hardlink(to) => !matches!(names.get(to), Some(Entry { node: Node::Hardlink(_), .. })),
                _ => true,
            });
            changes
        });
    prop::collection::vec(layer, 1..6)
}

fn fold(bottom: usize, layers: &[Changeset], complete: bool) -> Option<Rootfs> {
    Rootfs::fold(bottom, &layers.iter().collect::<Vec<_>>(), complete).ok()
}

/// Every path of up to three of the few names.
fn all_paths() -> Vec<ImagePath> {
    let names = ["", "a", "b", "c"];
    let mut all = BTreeSet::new();
    for first in names {
        for second in names {
            for third in names {
                all.insert(path(&format!("{first}/{second}/{third}")));
            }
        }
    }
    all.into_iter().collect()
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_it_back(changes in any_changes()) {
        let tar = encoded(&changes);
        prop_assert_eq!(tar.len() % 512, 0);
        prop_assert_eq!(with_bytes(&tar, decoded(&tar)), changes);
        prop_assert_eq!(encoded(&with_bytes(&tar, decoded(&tar))), tar);
    }

    #[test]
    fn t17_a_tree_is_what_the_plain_model_makes(layers in few_layers(false)) {
        let tree = fold(0, &layers, true);
        prop_assert_eq!(tree.as_ref().map(seen), model(&layers));
        let Some(tree) = tree else { return Ok(()) };
        for (path, node) in tree.iter() {
            let same = tree.iter().filter(|(other, found)| found.inode == node.inode && *other != path);
            prop_assert_eq!(tree.aliases(path), same.map(|(other, _)| other.clone()).collect::<Vec<_>>());
        }
        let (last, lower) = layers.split_last().unwrap();
        let grown = fold(0, lower, true).unwrap().with(last, layers.len() - 1).unwrap();
        prop_assert_eq!(seen(&grown), seen(&tree));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the upper layers are sure of holds in the whole tree.
    #[test]
    fn upper_layers_never_say_what_lower_ones_change(layers in few_layers(true), split in 0..5_usize) {
        let split = split % layers.len();
        let (Some(whole), Some(top)) = (fold(0, &layers, true), fold(split, &layers[split..], false)) else {
            return Ok(());
        };
        for path in all_paths() {
            let truth = whole.resolve(&path);
            match top.resolve(&path) {
                Err(LookupError::Unknown { .. }) => {}
                Ok(found) => {
                    let truth = truth.unwrap();
                    prop_assert_eq!(&found.path, &truth.path);
                    prop_assert_eq!(&found.node.entry, &truth.node.entry);
                    prop_assert_eq!(found.node.implied, truth.node.implied);
                    // Which layer first needed a directory without an entry is nothing that shows.
                    prop_assert!(found.node.implied || found.node.layer == truth.node.layer);
                }
                Err(error) => prop_assert_eq!(truth.unwrap_err(), error),
            }
            match top.resolve_parent(&path) {
                Err(LookupError::Unknown { .. }) => {}
                sure => prop_assert_eq!(sure, whole.resolve_parent(&path)),
            }
        }
    }
}
