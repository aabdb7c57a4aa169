//! Files of a tree that are builds of the same library.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::elf;
use crate::loader::Catalogue;
use crate::loader::World;
use crate::oci::ImagePath;

/// Copies of one library that differ, by the stem of its name.
pub(super) type Sets = BTreeMap<String, BTreeSet<ImagePath>>;

/// Every set of shared libraries with the same SONAME or stem of which at least two differ. Extension modules and
/// plugins without `lib` are named by what they do, not by what they are.
pub(super) fn sets(catalogue: &Catalogue) -> Sets {
    let mut sets = Sets::new();
    for (path, object) in catalogue.iter() {
        let own = String::from_utf8_lossy(path.name()).into_owned();
        let name = object.facts.soname.clone().unwrap_or(own);
        if object.facts.is_program() || !name.starts_with("lib") || !name.contains(".so") {
            continue;
        }
        sets.entry(elf::stem(&name).into_owned()).or_default().insert(path.clone());
    }
    sets.retain(|_, paths| {
        let objects = paths.iter().filter_map(|path| catalogue.get(path));
        objects.map(|object| object.digest).collect::<BTreeSet<_>>().len() > 1
    });
    sets
}

/// Of the copies of one library, those that were the same file as one of `changed` and still are what they were.
pub(super) fn left<'c>(
    (before, now): (&Catalogue, &Catalogue),
    copies: &'c BTreeSet<ImagePath>,
    changed: &[&ImagePath],
) -> Vec<&'c ImagePath> {
    let digest = |catalogue: &Catalogue, path: &ImagePath| catalogue.get(path).map(|object| object.digest);
    let replaced: BTreeSet<_> = changed
        .iter()
        .filter_map(|path| digest(before, path).filter(|old| digest(now, path) != Some(*old)))
        .collect();
    let stays = |path: &&ImagePath| {
        let old = digest(before, path);
        !changed.contains(path) && old == digest(now, path) && old.is_some_and(|old| replaced.contains(&old))
    };
    copies.iter().filter(stays).collect()
}

/// Who gets a file, and by which rule of the search.
pub(super) type Users = BTreeMap<ImagePath, BTreeSet<(ImagePath, String)>>;

/// For each file of `sets`, the files that need it and are given it.
pub(super) fn users<'w>(worlds: impl Iterator<Item = &'w World>, of: &BTreeSet<&ImagePath>) -> Users {
    let mut users = Users::new();
    for world in worlds {
        for user in &world.objects {
            for found in user.needed.iter().flatten().filter_map(|index| world.objects.get(*index)) {
                if of.contains(&found.file) {
                    let rule = found.via.clone().unwrap_or_else(|| "loaded before".to_owned());
                    users.entry(found.file.clone()).or_default().insert((user.file.clone(), rule));
                }
            }
        }
    }
    users
}

/// The first two copies of one library, of one name but for a wheel's hash, that a process would load both.
pub(super) fn met<'w>(
    world: &'w World,
    copies: &BTreeSet<ImagePath>,
) -> Option<(&'w ImagePath, &'w ImagePath)> {
    let name = |mapped: &crate::loader::Mapped| {
        let own = String::from_utf8_lossy(mapped.file.name()).into_owned();
        let name = mapped.object.facts.soname.clone().unwrap_or(own);
        elf::without_hash(&name).into_owned()
    };
    let here: Vec<&crate::loader::Mapped> =
        world.objects.iter().filter(|mapped| copies.contains(&mapped.file)).collect();
    here.iter().enumerate().find_map(|(number, one)| {
        let mut rest = here[number + 1..].iter();
        let other =
            rest.find(|other| other.object.digest != one.object.digest && name(other) == name(one))?;
        Some((&one.file, &other.file))
    })
}
