//! Needed for layout: no class has two shapes among the files that mention it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Kind;
use super::Reason;
use super::Tier;
use super::load::Load;
use super::shape::Shape;
use crate::abi::mention::Mentions;
use crate::abi::mention::mangled;
use crate::oci::ImagePath;

/// A file in both builds.
struct Both {
    mine: ImagePath,
    theirs: ImagePath,
    was: Shape,
    will: Shape,
}

/// Adds files until every class that changed and that a moving file mentions has one shape.
pub(super) fn extend(load: &mut Load<'_>) -> Result<(), Error> {
    let pairs: Vec<(ImagePath, ImagePath)> = load
        .pairs
        .changed(&load.old.catalogue, &load.new.catalogue)
        .map(|(mine, theirs)| (mine.clone(), theirs.clone()))
        .collect();
    let mut all = Vec::new();
    for (mine, theirs) in pairs {
        let (was, will) = (Shape::new(load.old, &mine)?, Shape::new(load.new, &theirs)?);
        all.push(Both { mine, theirs, was, will });
    }
    let changed: BTreeSet<String> = all.iter().flat_map(|both| both.was.differing(&both.will)).collect();
    let Some(mentions) = Mentions::of(changed.iter().map(String::as_str)) else {
        return Ok(());
    };
    let classes: Vec<&str> = changed.iter().map(String::as_str).collect();
    let numbers = |shape: &Shape| -> BTreeSet<usize> {
        mentions.find(mangled(&shape.symbols).chain(shape.classes())).into_keys().collect()
    };
    let mut by_class: BTreeMap<&str, Vec<&Both>> = BTreeMap::new();
    for both in &all {
        for number in numbers(&both.was).union(&numbers(&both.will)) {
            by_class.entry(classes[*number]).or_default().push(both);
        }
    }
    loop {
        let mut grown = false;
        for (class, files) in &by_class {
            grown |= unite(load, class, files);
        }
        load.settle(Tier::Layout)?;
        if !grown {
            return Ok(());
        }
    }
}

/// When one of the files that mention a class moves, all do. Whether the set grew.
fn unite(load: &mut Load<'_>, class: &str, files: &[&Both]) -> bool {
    let Some(mover) = files.iter().find(|both| load.moves.get(&both.mine).is_some()) else {
        return false;
    };
    let mut grown = false;
    for both in files {
        let target = load.pairs.target(&both.theirs);
        if load.moves.get(&target).is_some() {
            continue;
        }
        let reason = Reason {
            kind: Kind::Class,
            by: both.mine.clone(),
            of: Some(mover.mine.clone()),
            names: BTreeSet::from([class.to_owned()]),
        };
        grown |= load.add(target, both.theirs.clone(), Tier::Layout, Some(reason));
    }
    grown
}
