//! The set as what a recipe needs to say.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Closure;
use super::Tier;
use crate::oci::ImagePath;

/// A graft that brings files of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bring {
    /// Directory in the new tree.
    pub root: ImagePath,
    /// Directory in the old tree.
    pub into: ImagePath,
    /// Paths below both, sorted.
    pub files: Vec<String>,
}

impl Closure {
    /// The grafts that bring everything up to `tier`, links too: one for each of `places` that has files, in its
    /// order, and one from root to root for the rest.
    #[must_use]
    pub fn grafts(&self, places: &[(ImagePath, ImagePath)], tier: Tier) -> Vec<Bring> {
        let everywhere = (ImagePath::root(), ImagePath::root());
        let mut files: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (target, moved) in self.within(tier) {
            let beside = |link: &ImagePath| moved.from.parent()?.join(link.name()).ok();
            let links = moved.links.iter().filter_map(|link| Some((link.clone(), beside(link)?)));
            for (to, from) in links.chain([(target.clone(), moved.from.clone())]) {
                let fits = |(into, root): &&(ImagePath, ImagePath)| {
                    let rest = to.relative_to(into);
                    rest.is_some() && rest == from.relative_to(root)
                };
                let all = places.iter().enumerate().filter(|(_, place)| fits(place));
                let deepest =
                    all.max_by_key(|(number, (_, root))| (root.as_bytes().len(), usize::MAX - number));
                let (number, root) =
                    deepest.map_or((places.len(), &everywhere.1), |(n, (_, root))| (n, root));
                let relative = from.relative_to(root).unwrap_or(from.as_bytes());
                files.entry(number).or_default().insert(String::from_utf8_lossy(relative).into_owned());
            }
        }
        let bring = |(number, files): (usize, BTreeSet<String>)| {
            let (into, root) = places.get(number).unwrap_or(&everywhere).clone();
            Bring { root, into, files: files.into_iter().collect() }
        };
        files.into_iter().map(bring).collect()
    }
}
