//! What of the findings counts when only the files that change are to be judged.

use std::collections::BTreeSet;

use super::Case;
use super::find;
use crate::finding::Finding;

/// Keeps the findings of checks at files that the build brings and at those that are loaded for them; what is no check's,
/// such as what a step had to say, stays.
pub(super) fn narrow(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let files = closure(case);
    findings.retain(|finding| find(&finding.check).is_none() || files.contains(&finding.path));
}

/// The changed files and all that they need, as findings name them.
fn closure(case: &Case<'_>) -> BTreeSet<String> {
    let mut files: BTreeSet<String> = case.changed.keys().map(ToString::to_string).collect();
    for world in &case.worlds {
        let brought =
            world.objects.iter().enumerate().filter(|(_, mapped)| case.changed.contains_key(&mapped.file));
        let needed: BTreeSet<usize> = brought.flat_map(|(index, _)| world.closure(index)).collect();
        files.extend(needed.into_iter().map(|index| world.objects[index].file.to_string()));
    }
    files
}
