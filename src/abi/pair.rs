//! Which files of two directories are builds of the same library.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::elf;

/// Files that belong together; one side is missing where a file has no partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Path in the old directory.
    pub old: Option<String>,
    /// Path in the new directory.
    pub new: Option<String>,
}

/// Pairs paths: equal ones first, then those that differ in the hash of a wheel tool only, then those of one stem
/// where each side has just one left. Sorted by path.
#[must_use]
pub fn pairs(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<Pair> {
    let mut found = Vec::new();
    let (mut old, mut new) = (old.clone(), new.clone());
    let keys: [fn(&str) -> String; 3] =
        [str::to_owned, |path| elf::path_without_hash(path).into_owned(), stem];
    for key in keys {
        let (one, other) = (by_key(&old, key), by_key(&new, key));
        for (name, paths) in &one {
            if let ([before], Some([after])) = (paths.as_slice(), other.get(name).map(Vec::as_slice)) {
                old.remove(before);
                new.remove(after);
                found.push(Pair { old: Some(before.clone()), new: Some(after.clone()) });
            }
        }
    }
    found.extend(old.into_iter().map(|path| Pair { old: Some(path), new: None }));
    found.extend(new.into_iter().map(|path| Pair { old: None, new: Some(path) }));
    found.sort_by(|a, b| a.old.as_ref().or(a.new.as_ref()).cmp(&b.old.as_ref().or(b.new.as_ref())));
    found
}

/// Only the stem: a wheel's directory of libraries has another name in another package.
fn stem(path: &str) -> String {
    elf::stem(path.rsplit('/').next().unwrap_or(path)).into_owned()
}

fn by_key(paths: &BTreeSet<String>, key: fn(&str) -> String) -> BTreeMap<String, Vec<String>> {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths {
        by.entry(key(path)).or_default().push(path.clone());
    }
    by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_files_pair() {
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
        let old = set(&["a/libx.so", "x.libs/libucs-5512bb63.so.0.0.0", "gone.so", "y/libz.so.1"]);
        let new = set(&["a/libx.so", "x.libs/libucs-0011aabb.so.0.0.0", "more.so", "q/libz.so.2"]);
        let pairs = pairs(&old, &new);
        let line = |pair: &Pair| {
            format!("{} {}", pair.old.as_deref().unwrap_or("-"), pair.new.as_deref().unwrap_or("-"))
        };
        assert_eq!(
            pairs.iter().map(line).collect::<Vec<_>>(),
            [
                "a/libx.so a/libx.so",
                "gone.so -",
                "- more.so",
                "x.libs/libucs-5512bb63.so.0.0.0 x.libs/libucs-0011aabb.so.0.0.0",
                "y/libz.so.1 q/libz.so.2"
            ]
        );
    }
}
