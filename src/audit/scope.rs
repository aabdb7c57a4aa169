//! What of the findings counts when only the files that change are to be judged.

use std::collections::BTreeSet;

use super::Case;
use super::find;
use crate::finding::Finding;
use crate::oci::ImagePath;

/// Keeps the findings of checks at files that the build brings and at those that are loaded for them; what is no check's,
/// such as what a step had to say, stays.
pub(super) fn narrow(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let files = closure(case);
    findings.retain(|finding| find(&finding.check).is_none() || files.contains(&finding.path));
}

/// The changed files, what changed links lead to, and all that these need, as findings name them.
fn closure(case: &Case<'_>) -> BTreeSet<String> {
    let tree = case.loader.view.tree;
    let behind = case.changed.keys().filter_map(|path| Some(tree.resolve(path).ok()?.path));
    let changed: BTreeSet<ImagePath> = case.changed.keys().cloned().chain(behind).collect();
    let mut files: BTreeSet<String> = changed.iter().map(ToString::to_string).collect();
    for world in &case.worlds {
        let brought = world.objects.iter().enumerate().filter(|(_, mapped)| changed.contains(&mapped.file));
        let needed: BTreeSet<usize> = brought.flat_map(|(index, _)| world.closure(index)).collect();
        files.extend(needed.into_iter().map(|index| world.objects[index].file.to_string()));
    }
    files
}
