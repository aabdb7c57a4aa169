//! What code and tables of one file say about the size and shape of C++ classes. No debug information is read.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Seek;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::source::Source;
use super::traits::Anchors;

/// Sizes and shapes of classes, by mangled name without `_Z` prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// `sizeof` in bytes, by class.
    pub sizes: BTreeMap<String, u64>,
}

/// Reads what the file says of its classes.
pub(super) fn read<R: Read + Seek>(_source: &mut Source<'_, R>, _anchors: &Anchors) -> Result<Layout, Error> {
    Ok(Layout::default())
}
