//! Files as people name them.

use super::Error;
use crate::layer::Node;
use crate::loader::View;
use crate::oci::ImagePath;

/// The file of a tree that `text` means: its path, or the end of it where only one file ends so.
///
/// # Errors
/// No file or several.
pub fn find(view: View<'_>, text: &str) -> Result<ImagePath, Error> {
    let absolute = ImagePath::absolute(text).or_else(|_| ImagePath::from_tar(text.as_bytes()));
    let Ok(path) = absolute else {
        return Err(Error::Unknown { text: text.to_owned() });
    };
    if view.tree.resolve(&path).is_ok_and(|found| matches!(found.node.entry.node, Node::File(_))) {
        return Ok(path);
    }
    let end = |path: &ImagePath| format!("/{}", String::from_utf8_lossy(path.as_bytes()));
    let tail = end(&path);
    let files = view.tree.iter().filter(|(_, node)| matches!(node.entry.node, Node::File(_)));
    let fit: Vec<ImagePath> =
        files.filter(|(path, _)| end(path).ends_with(&tail)).map(|(path, _)| path.clone()).collect();
    match fit.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::Unknown { text: text.to_owned() }),
        _ => Err(Error::Ambiguous { text: text.to_owned(), files: fit }),
    }
}
