//! Which of the paths that a build writes are other than before.

use std::collections::BTreeMap;

use super::Subject;
use crate::finding::RecipeSpot;
use crate::oci::ImagePath;

/// What the build changes, without files that it replaces by what they were: a step that brings nothing new
/// cannot be to blame for anything.
pub(super) fn truly(subject: &Subject<'_>) -> BTreeMap<ImagePath, RecipeSpot> {
    let differs = |path: &&ImagePath| !is_same(subject, path);
    let paths = subject.changed.keys().filter(differs);
    paths.map(|path| (path.clone(), subject.changed[path].clone())).collect()
}

fn is_same(subject: &Subject<'_>, path: &ImagePath) -> bool {
    let (before, after) = (subject.before.tree.get(path), subject.after.tree.get(path));
    let (Some(before), Some(after)) = (before, after) else {
        return before.is_none() && after.is_none();
    };
    let object = subject.before.objects.object(path, before);
    match (object, subject.after.objects.object(path, after)) {
        (Some(before), Some(after)) => before.digest == after.digest,
        _ => before.layer == after.layer && before.entry.node == after.entry.node,
    }
}
