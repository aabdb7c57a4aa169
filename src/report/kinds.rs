//! Every kind of finding that there is.

use crate::audit;
use crate::edit::notice;
use crate::finding::Notice;

/// What checks, steps and the audit itself can say, sorted by id.
#[must_use]
pub fn all() -> Vec<Notice> {
    let checks = audit::all().map(|check| Notice {
        id: check.id,
        severity: check.severity,
        summary: check.summary,
        explain: check.explain,
    });
    let mut kinds: Vec<Notice> = checks.collect();
    kinds.extend(notice::ALL.iter().map(|kind| **kind));
    kinds.push(audit::ALLOW_UNUSED);
    kinds.sort_by_key(|kind| kind.id);
    kinds
}
