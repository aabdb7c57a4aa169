//! Parents: every directory above something new gets an entry with the base's own metadata.
//!
//! A layer without them turns `/opt/dynamo` into root:root 0755 on Docker's overlay2: engines make
//! missing parents as they like (moby go-archive `ImpliedDirectoryMode`, moby#44956, buildkit#3602).

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::Rootfs;

/// Adds the parents of every entry and of every whiteout. The root itself needs no entry.
pub fn add_parents(changes: &mut Changeset, base: &Rootfs) {
    let paths: Vec<ImagePath> = changes.upserts.keys().chain(&changes.removals).cloned().collect();
    for directory in paths.iter().flat_map(ImagePath::ancestors) {
        if directory.is_root() || changes.upserts.contains_key(&directory) {
            continue;
        }
        let known = base.get(&directory).filter(|node| node.entry.node == Node::Directory && !node.implied);
        let meta = known.map_or_else(|| Meta::root(0o755), |node| node.entry.meta.clone());
        changes.upserts.insert(directory, Entry { meta, node: Node::Directory });
    }
}
