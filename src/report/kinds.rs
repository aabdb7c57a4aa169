//! Every kind of finding that there is.

use crate::build::options;
use crate::finding::Notice;

/// What checks, steps and the audit itself can say, sorted by id.
#[must_use]
pub fn all() -> Vec<Notice> {
    options::kinds()
}
