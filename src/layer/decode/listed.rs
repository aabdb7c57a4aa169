//! Entries that are listed somewhere else than in a tar, to the changeset that their tar would give.

use crate::layer::Changeset;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::ImagePath;

use super::MAX_ENTRIES;
use super::build;
use super::error::Error;
use super::pax;

/// Puts entries together by the rules that hold for those of a tar, in whose order they come: whiteouts hide, the last
/// of a name wins, and links of the layer lead elsewhere.
///
/// # Errors
/// Those of [`super::decode`] that are not of bytes.
pub fn listed(entries: impl Iterator<Item = (ImagePath, Entry)>) -> Result<Changeset, Error> {
    let mut changes = Changeset::default();
    for (number, (named, mut entry)) in entries.enumerate() {
        if number >= MAX_ENTRIES {
            return Err(Error::TooMany { limit: MAX_ENTRIES });
        }
        if build::hides(&mut changes, &named)? {
            continue;
        }
        if named.is_root() && matches!(entry.node, Node::File(_)) {
            return Err(Error::Root);
        }
        let (path, node) = build::settle(&changes, &named, entry.node)?;
        entry.node = node;
        entry.meta.xattrs.retain(|name, _| !pax::is_overlays(name));
        build::place(&mut changes, path, entry)?;
    }
    Ok(changes)
}
