//! Every kind of finding that there is.

use crate::build::options;
use crate::deploy::check::KINDS;
use crate::finding::Notice;

/// What checks, steps, the audit itself and checks of manifests can say, sorted by id.
#[must_use]
pub fn all() -> Vec<Notice> {
    let mut kinds = options::kinds();
    kinds.extend(KINDS.iter().map(|kind| **kind));
    kinds.sort_by_key(|kind| kind.id);
    kinds
}
