//! Files of a tree, one a line.

use std::io;
use std::io::Write;

use serde_json::json;

use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;

/// Kind letter as ls(1) has it, size in bytes, and where a link leads.
fn parts(node: &Node) -> (char, u64, Option<String>) {
    match node {
        Node::Directory => ('d', 0, None),
        Node::File(content) => ('-', content.size(), None),
        Node::Symlink(target) => ('l', 0, Some(String::from_utf8_lossy(target).escape_debug().to_string())),
        Node::Hardlink(target) => ('h', 0, Some(target.to_string())),
        Node::CharDevice(..) => ('c', 0, None),
        Node::BlockDevice(..) => ('b', 0, None),
        Node::Fifo => ('p', 0, None),
    }
}

/// Kind and mode, owner, size, number of the layer, path, target.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, entries: &[(&ImagePath, &TreeNode)]) -> io::Result<()> {
    for (path, node) in entries {
        let meta = &node.entry.meta;
        let (kind, size, target) = parts(&node.entry.node);
        let arrow = target.map(|target| format!(" -> {target}")).unwrap_or_default();
        let owner = format!("{}:{}", meta.uid, meta.gid);
        let (mode, layer) = (meta.mode, node.layer);
        writeln!(out, "{kind}{mode:04o} {owner:>9} {size:>12} {layer:>3} {path}{arrow}")?;
    }
    Ok(())
}

/// The same as one JSON array, an entry a line.
///
/// # Errors
/// When the output cannot be written.
pub fn write_json(out: &mut dyn Write, entries: &[(&ImagePath, &TreeNode)]) -> io::Result<()> {
    let mut before = "[";
    for (path, node) in entries {
        let meta = &node.entry.meta;
        let (kind, size, target) = parts(&node.entry.node);
        let entry = json!({"path": path.to_string(), "kind": kind.to_string(), "mode": format!("{:04o}", meta.mode),
            "uid": meta.uid, "gid": meta.gid, "size": size, "layer": node.layer, "target": target});
        write!(out, "{before}\n{entry}")?;
        before = ",";
    }
    writeln!(out, "{}]", if before == "[" { "[" } else { "\n" })
}
