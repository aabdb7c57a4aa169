//! Which file of the old tree a file of the new one stands for.

use std::collections::BTreeMap;

use crate::elf;
use crate::index::Object;
use crate::loader::Catalogue;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// How two trees compare. Every number counts ELF files by path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// In the old tree.
    pub old: usize,
    /// In the new tree.
    pub new: usize,
    /// In both, paired.
    pub paired: usize,
    /// Pairs of the same bytes or the same build-id.
    pub identical: usize,
}

/// The pairs.
pub(super) struct Pairs<'a> {
    places: &'a [(ImagePath, ImagePath)],
    to_old: BTreeMap<ImagePath, ImagePath>,
    to_new: BTreeMap<ImagePath, ImagePath>,
}

impl<'a> Pairs<'a> {
    /// Pairs by path, then by path without auditwheel's hash, then by directory and stem, each only where it
    /// is one against one.
    pub(super) fn new(
        old: &Loader<'_>,
        new: &Loader<'_>,
        places: &'a [(ImagePath, ImagePath)],
        confined: bool,
    ) -> Self {
        let mut pairs = Self { places, to_old: BTreeMap::new(), to_new: BTreeMap::new() };
        let keys: [fn(&ImagePath) -> String; 3] = [exact, hashless, by_stem];
        for key in keys {
            let open = |path: &&ImagePath| !pairs.to_new.contains_key(*path);
            let mine = unique(old.catalogue.iter().map(|(path, _)| path).filter(open), key);
            let open = |path: &&ImagePath| {
                let inside = places.iter().any(|(_, place)| path.is_within(place));
                !pairs.to_old.contains_key(*path) && (inside || !confined)
            };
            let theirs = new.catalogue.iter().map(|(path, _)| path).filter(open);
            let theirs = unique(theirs, |path| key(&pairs.mapped(path)));
            for (key, from) in theirs {
                if let (Some(from), Some(Some(to))) = (from, mine.get(&key)) {
                    pairs.to_old.insert(from.clone(), to.clone());
                    pairs.to_new.insert(to.clone(), from.clone());
                }
            }
        }
        pairs
    }

    /// The path that the places give a path of the new tree.
    pub(super) fn mapped(&self, path: &ImagePath) -> ImagePath {
        let fits = self.places.iter().filter(|(_, new)| path.is_within(new));
        let deepest = fits.max_by_key(|(_, new)| new.as_bytes().len());
        let moved = deepest.and_then(|(old, new)| old.join(path.relative_to(new)?).ok());
        moved.unwrap_or_else(|| path.clone())
    }

    /// Where a file of the new tree lands in the old one: beside its pair, under its own name.
    pub(super) fn target(&self, path: &ImagePath) -> ImagePath {
        let beside = |pair: &ImagePath| pair.parent()?.join(path.name()).ok();
        self.old(path).and_then(beside).unwrap_or_else(|| self.mapped(path))
    }

    /// The pair of a file of the new tree.
    pub(super) fn old(&self, path: &ImagePath) -> Option<&ImagePath> {
        self.to_old.get(path)
    }

    /// The pair of a file of the old tree.
    pub(super) fn new_of(&self, path: &ImagePath) -> Option<&ImagePath> {
        self.to_new.get(path)
    }

    /// All pairs, old first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ImagePath, &ImagePath)> {
        self.to_new.iter()
    }

    /// Pairs that are not the same build of the same thing.
    pub(super) fn changed<'p>(
        &'p self,
        old: &'p Catalogue,
        new: &'p Catalogue,
    ) -> impl Iterator<Item = (&'p ImagePath, &'p ImagePath)> {
        self.iter().filter(|(mine, theirs)| match (old.get(mine), new.get(theirs)) {
            (Some(mine), Some(theirs)) => !same(mine, theirs),
            _ => false,
        })
    }

    pub(super) fn counts(&self, old: &Loader<'_>, new: &Loader<'_>) -> Counts {
        let paired = self.to_new.len();
        let changed = self.changed(&old.catalogue, &new.catalogue).count();
        let count = |loader: &Loader<'_>| loader.catalogue.iter().count();
        Counts { old: count(old), new: count(new), paired, identical: paired - changed }
    }
}

/// Whether two files are the same build: of the same bytes, or of the same build-id (strip and patchelf keep it)
/// and with the same names and versions for the loader.
pub(super) fn same(one: &Object, other: &Object) -> bool {
    one.digest == other.digest || (one.facts.build_id.is_some() && one.facts == other.facts)
}

fn exact(path: &ImagePath) -> String {
    path.to_string()
}

fn hashless(path: &ImagePath) -> String {
    elf::path_without_hash(&path.to_string()).into_owned()
}

fn by_stem(path: &ImagePath) -> String {
    let directory = path.parent().unwrap_or_default();
    format!("{directory}/{}", elf::stem(&String::from_utf8_lossy(path.name())))
}

/// What each key stands for; `None` where it stands for several.
fn unique<'p>(
    paths: impl Iterator<Item = &'p ImagePath>,
    key: impl Fn(&ImagePath) -> String,
) -> BTreeMap<String, Option<ImagePath>> {
    let mut unique: BTreeMap<String, Option<ImagePath>> = BTreeMap::new();
    for path in paths {
        unique.entry(key(path)).and_modify(|known| *known = None).or_insert_with(|| Some(path.clone()));
    }
    unique
}
