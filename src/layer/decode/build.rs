//! Puts entries, in the order of their tar, together to a changeset.

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::ImagePath;

use super::error::Error;

/// Prefix of the name of a whiteout (image-spec `layer.md`, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// Prefix of names that aufs kept for itself.
const INTERNAL: &[u8] = b".wh..wh.";
/// Name of an opaque whiteout.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Symbolic links that are followed before they count as a circle: the kernel's limit.
const LINKS: usize = 40;

/// What a name says about lower layers.
#[derive(Debug, PartialEq, Eq)]
enum Marker {
    /// Nothing: a thing of its own.
    None,
    /// The path is gone.
    Removal(ImagePath),
    /// The directory hides what is below it.
    Opaque(ImagePath),
    /// A file of aufs' own that is not part of the image.
    Internal,
}

/// Reads the markers in a name. They hold for lower layers only, whatever comes before or after in the tar.
fn marker(path: &ImagePath) -> Result<Marker, Error> {
    let invalid = || Error::Whiteout { name: path.to_string() };
    let Some(directory) = path.parent() else {
        return Ok(Marker::None);
    };
    let last = path.name();
    if last == OPAQUE && !directory.components().any(|part| part.starts_with(WHITEOUT)) {
        return Ok(Marker::Opaque(directory));
    }
    if path.components().any(|part| part.starts_with(INTERNAL)) {
        return Ok(Marker::Internal);
    }
    // A name that begins so cannot exist in an image, so nothing can be below it.
    if directory.components().any(|part| part.starts_with(WHITEOUT)) {
        return Err(invalid());
    }
    match last.strip_prefix(WHITEOUT) {
        None => Ok(Marker::None),
        // `.wh..` would remove the directory it is in (CVE-2021-29136), `.wh...` the one above.
        Some(b"" | b"." | b"..") => Err(invalid()),
        Some(hidden) => directory.join(hidden).map(Marker::Removal).map_err(|_| invalid()),
    }
}

/// Puts an entry in, over whatever the tar had there before, and below whatever symbolic links of the
/// same layer lead to: engines unpack in order, and the last one wins.
pub(super) fn place(changes: &mut Changeset, path: ImagePath, entry: Entry) -> Result<(), Error> {
    if entry.node != Node::Directory {
        if path.is_root() {
            return Err(Error::Root);
        }
        let below: Vec<ImagePath> = changes
            .upserts
            .range(&path..)
            .map(|(other, _)| other)
            .take_while(|other| other.is_within(&path))
            .cloned()
            .collect();
        for other in below {
            changes.upserts.remove(&other);
        }
    }
    changes.upserts.insert(path, entry);
    Ok(())
}

/// Takes note of what an entry's name hides; whether it is a marker, and no thing of its own.
pub(super) fn hides(changes: &mut Changeset, named: &ImagePath) -> Result<bool, Error> {
    match marker(named)? {
        Marker::None => return Ok(false),
        Marker::Internal => {}
        Marker::Removal(path) => drop(changes.removals.insert(path)),
        Marker::Opaque(path) => drop(changes.opaque.insert(path)),
    }
    Ok(true)
}

/// Where an entry lands, and what it is there: a hard link's target lands too.
pub(super) fn settle(changes: &Changeset, named: &ImagePath, node: Node) -> Result<(ImagePath, Node), Error> {
    let path = landing(changes, named)?;
    let Node::Hardlink(target) = node else {
        return Ok((path, node));
    };
    let target = landing(changes, &target)?;
    if target == path {
        return Err(Error::SelfLink { path });
    }
    Ok((path, Node::Hardlink(target)))
}

/// Where `path` lands when the directories above it are symbolic links of the same layer.
fn landing(changes: &Changeset, path: &ImagePath) -> Result<ImagePath, Error> {
    let mut at = ImagePath::root();
    let mut rest: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).collect();
    rest.reverse();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == b".." {
            at = at.parent().unwrap_or_default();
            continue;
        }
        let Ok(next) = at.join(&part) else {
            return Err(Error::Loop { path: path.clone() });
        };
        if rest.is_empty() {
            return Ok(next);
        }
        match changes.upserts.get(&next).map(|entry| &entry.node) {
            None | Some(Node::Directory) => at = next,
            Some(Node::Symlink(target)) => {
                links += 1;
                if links > LINKS {
                    return Err(Error::Loop { path: path.clone() });
                }
                if target.starts_with(b"/") {
                    at = ImagePath::root();
                }
                let parts = target.split(|byte| *byte == b'/');
                rest.extend(parts.rev().filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec));
            }
            Some(_) => {
                return Err(Error::BelowFile { path: path.clone(), above: next });
            }
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::from_tar(text.as_bytes()).unwrap()
    }

    #[test]
    fn t11_only_exact_names_are_markers() {
        for (name, want) in [
            ("a", Marker::None),
            ("a/wh.b", Marker::None),
            ("a/.wh", Marker::None),
            (".wh.a", Marker::Removal(path("a"))),
            ("a/.wh.b", Marker::Removal(path("a/b"))),
            ("a/.wh....", Marker::Removal(path("a/..."))),
            ("a/.wh..b", Marker::Removal(path("a/.b"))),
            (".wh..wh..opq", Marker::Opaque(ImagePath::root())),
            ("a/.wh..wh..opq", Marker::Opaque(path("a"))),
            // Near misses of the opaque name: aufs' own, never opaque.
            ("a/.wh..wh.opq", Marker::Internal),
            ("a/.wh..wh..opqx", Marker::Internal),
            (".wh..wh.plnk/5.6", Marker::Internal),
            (".wh..wh.orph", Marker::Internal),
            (".wh..wh.plnk/.wh..wh..opq", Marker::Internal),
        ] {
            assert_eq!(marker(&path(name)).unwrap(), want, "{name}");
        }
        for bad in [".wh.", "a/.wh.", "a/.wh..", "a/.wh...", ".wh.a/b", "a/.wh.b/.wh..wh.c/../d"] {
            let Ok(bad) = ImagePath::from_tar(bad.as_bytes()) else {
                continue;
            };
            assert!(matches!(marker(&bad), Err(Error::Whiteout { .. })), "{bad}");
        }
    }
}
