//! From a path as ld.so would give it to `open` to the file it means inside the image.

use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::Rootfs;
use crate::rootfs::TreeNode;

/// The regular file that `text` means, all links followed inside the image. `None`: there is none, or
/// `text` is relative.
pub(super) fn file<'a>(tree: &'a Rootfs, text: &str) -> Option<(ImagePath, &'a TreeNode)> {
    let path = canonical(tree, text)?;
    let node = tree.get(&path)?;
    matches!(node.entry.node, Node::File(_)).then_some((path, node))
}

/// What is at a path, all links followed.
pub(super) enum Spot<'a> {
    /// Nothing, or the path is relative.
    Absent,
    /// A regular file.
    File(ImagePath, &'a TreeNode),
    /// Something that can be opened and is no regular file.
    Other,
}

/// What `text` means to `open`.
pub(super) fn spot<'a>(tree: &'a Rootfs, text: &str) -> Spot<'a> {
    let found = canonical(tree, text).and_then(|path| tree.get(&path).map(|node| (path, node)));
    match found {
        Some((path, node)) if matches!(node.entry.node, Node::File(_)) => Spot::File(path, node),
        Some(_) => Spot::Other,
        None => Spot::Absent,
    }
}

/// Follows `..` where it stands: after the links before it.
pub(super) fn canonical(tree: &Rootfs, text: &str) -> Option<ImagePath> {
    let mut here = ImagePath::root();
    let mut below = Vec::new();
    let step = |here: &ImagePath, below: &mut Vec<&str>| {
        let path = here.join(std::mem::take(below).join("/")).ok()?;
        tree.resolve(&path).ok().map(|found| found.path)
    };
    for part in text.strip_prefix('/')?.split('/') {
        if part == ".." {
            here = step(&here, &mut below)?.parent().unwrap_or_default();
        } else {
            below.push(part);
        }
    }
    step(&here, &mut below)
}

/// A path as text with a leading `/`, unescaped.
pub(super) fn text(path: &ImagePath) -> String {
    format!("/{}", String::from_utf8_lossy(path.as_bytes()))
}

/// The directory part of a path given to `open`: what `$ORIGIN` stands for.
pub(super) fn directory(opened: &str) -> &str {
    match opened.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => ".",
    }
}
