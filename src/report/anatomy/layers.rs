//! Bytes of a layer by directory, as deep as it takes to see where they are.

use std::collections::BTreeMap;

use crate::layer::Changeset;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::report::anatomy::DirectoryPart;
use crate::report::anatomy::LayerPart;

/// Into how many parts a layer is split.
const PARTS: usize = 14;

/// Bytes and files below a path.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    size: u64,
    files: usize,
}

/// What a layer brings, by directory. What it hides weighs nothing.
#[must_use]
pub fn part(name: String, changes: &Changeset) -> LayerPart {
    let weights = weigh(changes);
    let total = weights.get(&ImagePath::root()).copied().unwrap_or_default();
    let directories = split(&weights);
    LayerPart { name, size: total.size, directories, ..LayerPart::default() }
}

/// Every file and every directory above one, with what is below it.
fn weigh(changes: &Changeset) -> BTreeMap<ImagePath, Weight> {
    let mut weights: BTreeMap<ImagePath, Weight> = BTreeMap::new();
    for (path, entry) in &changes.upserts {
        let Node::File(content) = &entry.node else {
            continue;
        };
        for above in path.ancestors().into_iter().chain([path.clone()]) {
            let weight = weights.entry(above).or_default();
            weight.size = weight.size.saturating_add(content.size());
            weight.files += 1;
        }
    }
    weights
}

/// Splits the heaviest part, from the root on, until there are enough parts or none can be split.
fn split(weights: &BTreeMap<ImagePath, Weight>) -> Vec<DirectoryPart> {
    let mut children: BTreeMap<ImagePath, Vec<&ImagePath>> = BTreeMap::new();
    for path in weights.keys() {
        if let Some(parent) = path.parent() {
            children.entry(parent).or_default().push(path);
        }
    }
    let mut whole: Vec<ImagePath> = weights.keys().next().cloned().into_iter().collect();
    let mut parts: Vec<DirectoryPart> = Vec::new();
    while let Some(index) = heaviest(&whole, weights) {
        let path = whole.swap_remove(index);
        let below = children.get(&path).map(Vec::as_slice).unwrap_or_default();
        if below.is_empty() {
            parts.push(whole_part(&path, weights));
        } else if below.len() == 1 || whole.len() + parts.len() < PARTS {
            let mut below: Vec<&ImagePath> = below.to_vec();
            below.sort_by_key(|path| std::cmp::Reverse(weight(path, weights).size));
            let room = PARTS.saturating_sub(whole.len() + parts.len()).max(1);
            let rest = below.split_off(room.min(below.len()));
            whole.extend(below.into_iter().cloned());
            parts.extend(rest_part(&path, &rest, weights));
        } else {
            parts.push(whole_part(&path, weights));
        }
    }
    parts.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    parts
}

fn weight(path: &ImagePath, weights: &BTreeMap<ImagePath, Weight>) -> Weight {
    weights.get(path).copied().unwrap_or_default()
}

/// The heaviest; of equals the first by path.
fn heaviest(paths: &[ImagePath], weights: &BTreeMap<ImagePath, Weight>) -> Option<usize> {
    let heavier = |a: &&usize, b: &&usize| {
        let (one, two) = (&paths[**a], &paths[**b]);
        weight(one, weights).size.cmp(&weight(two, weights).size).then_with(|| two.cmp(one))
    };
    let all: Vec<usize> = (0..paths.len()).collect();
    all.iter().max_by(heavier).copied()
}

fn whole_part(path: &ImagePath, weights: &BTreeMap<ImagePath, Weight>) -> DirectoryPart {
    let Weight { size, files } = weight(path, weights);
    DirectoryPart { path: path.to_string(), size, files }
}

/// What is left of a directory when its heaviest parts stand for themselves.
fn rest_part(
    path: &ImagePath,
    rest: &[&ImagePath],
    weights: &BTreeMap<ImagePath, Weight>,
) -> Option<DirectoryPart> {
    let weights = rest.iter().map(|path| weight(path, weights));
    let sum =
        weights.reduce(|a, b| Weight { size: a.size.saturating_add(b.size), files: a.files + b.files })?;
    let path = format!("{}/…", path.to_string().trim_end_matches('/'));
    Some(DirectoryPart { path, size: sum.size, files: sum.files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Content;
    use crate::layer::Entry;
    use crate::layer::Meta;

    fn changes(files: &[(&str, u64)]) -> Changeset {
        let mut changes = Changeset::default();
        for (path, size) in files {
            let node = Node::File(Content::InLayer { offset: 0, size: *size });
            let path = ImagePath::from_tar(path.as_bytes()).unwrap();
            changes.upserts.insert(path, Entry { meta: Meta::root(0o644), node });
        }
        changes
    }

    #[test]
    fn the_heaviest_directory_is_opened_until_the_parts_are_enough() {
        let part =
            part("l".into(), &changes(&[("a/b/big", 900), ("a/b/c/small", 50), ("etc/x", 3), ("etc/y", 4)]));
        let seen: Vec<(&str, u64, usize)> =
            part.directories.iter().map(|part| (part.path.as_str(), part.size, part.files)).collect();
        assert_eq!(part.size, 957);
        assert_eq!(seen, [("/a/b/big", 900, 1), ("/a/b/c/small", 50, 1), ("/etc/y", 4, 1), ("/etc/x", 3, 1)]);
    }

    #[test]
    fn parts_are_few_and_nothing_is_lost() {
        let names: Vec<String> = (0..500).map(|n| format!("d{}/e{}/f{n}", n % 25, n % 100)).collect();
        let files: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 7)).collect();
        let part = part("l".into(), &changes(&files));
        assert!((PARTS..=PARTS + 1).contains(&part.directories.len()), "{}", part.directories.len());
        assert_eq!(part.directories.iter().map(|part| part.size).sum::<u64>(), 3500);
        assert_eq!(part.directories.iter().map(|part| part.files).sum::<usize>(), 500);
        assert_eq!(super::part("l".into(), &Changeset::default()).directories, []);
    }
}
