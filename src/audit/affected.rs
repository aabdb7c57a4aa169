//! Which ELF files a change can touch: the changed ones, and whoever needs them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::loader::Loader;
use crate::loader::View;
use crate::oci::ImagePath;

/// Names by which anybody could ask for something that changed: of changed files, their SONAMEs before and
/// after, and of all files in directories that `LD_LIBRARY_PATH` gained or lost.
pub(super) fn seeds<'a>(
    loaders: &[&Loader<'_>],
    changed: impl Iterator<Item = &'a ImagePath>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in changed {
        names.insert(String::from_utf8_lossy(path.name()).into_owned());
        for object in loaders.iter().filter_map(|loader| loader.catalogue.get(path)) {
            names.extend(object.facts.soname.clone());
        }
    }
    if let [before, after] = loaders {
        for directory in path_difference(before.view, after.view) {
            for (path, _) in before.view.tree.children(&directory).chain(after.view.tree.children(&directory))
            {
                names.insert(String::from_utf8_lossy(path.name()).into_owned());
            }
        }
    }
    names
}

/// Directories in one `LD_LIBRARY_PATH` and not in the other, links followed.
fn path_difference(before: View<'_>, after: View<'_>) -> BTreeSet<ImagePath> {
    let directories = |view: View<'_>| -> BTreeSet<ImagePath> {
        let list = view.env.get("LD_LIBRARY_PATH").map(String::as_str).unwrap_or_default();
        let paths = list.split(':').filter_map(|part| ImagePath::absolute(part).ok());
        paths.filter_map(|path| view.tree.resolve(&path).ok().map(|found| found.path)).collect()
    };
    let (before, after) = (directories(before), directories(after));
    before.symmetric_difference(&after).cloned().collect()
}

/// The changed files, and every file that asks for one of `names`, or for a file that does, and so on.
pub(super) fn files<'a>(
    loader: &Loader<'_>,
    mut names: BTreeSet<String>,
    changed: impl Iterator<Item = &'a ImagePath>,
) -> BTreeSet<ImagePath> {
    let mut files: BTreeSet<ImagePath> =
        changed.filter(|path| loader.catalogue.get(path).is_some()).cloned().collect();
    let mut askers: BTreeMap<&str, Vec<&ImagePath>> = BTreeMap::new();
    for (path, object) in loader.catalogue.iter() {
        for needed in &object.facts.needed {
            let name = needed.rsplit('/').next().unwrap_or(needed);
            askers.entry(name).or_default().push(path);
        }
    }
    let mut todo: Vec<String> = names.iter().cloned().collect();
    while let Some(name) = todo.pop() {
        for path in askers.get(name.as_str()).into_iter().flatten() {
            if !files.insert((*path).clone()) {
                continue;
            }
            let own = String::from_utf8_lossy(path.name()).into_owned();
            let soname = loader.catalogue.get(path).and_then(|object| object.facts.soname.clone());
            for name in soname.into_iter().chain([own]) {
                if names.insert(name.clone()) {
                    todo.push(name);
                }
            }
        }
    }
    files
}
