//! Needed for layout: no class has two shapes among the files that mention it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Error;
use super::Kind;
use super::Reason;
use super::Tier;
use super::load::Load;
use crate::elf::Layout;
use crate::index::ObjectError;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// Adds files until every class that changed and that a moving file mentions has one shape.
pub(super) fn extend(load: &mut Load<'_>) -> Result<(), Error> {
    let pairs: Vec<(ImagePath, ImagePath)> = load
        .pairs
        .changed(&load.old.catalogue, &load.new.catalogue)
        .map(|(mine, theirs)| (mine.clone(), theirs.clone()))
        .collect();
    let mut shapes = Vec::new();
    for (mine, theirs) in pairs {
        let was = layout(load.old, &mine)?;
        let will = layout(load.new, &theirs)?;
        shapes.push((mine, theirs, was, will));
    }
    let changed: BTreeSet<&str> = shapes.iter().flat_map(|(_, _, was, will)| differing(was, will)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut mentions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, (_, _, was, will)) in shapes.iter().enumerate() {
        for class in changed.iter().filter(|class| mentions_class(was, class) || mentions_class(will, class))
        {
            mentions.entry(class).or_default().push(number);
        }
    }
    loop {
        let mut grown = false;
        for (class, numbers) in &mentions {
            let mover = numbers.iter().find(|number| load.moves.get(&shapes[**number].0).is_some());
            let Some((mover, ..)) = mover.map(|number| &shapes[*number]) else {
                continue;
            };
            let mover = mover.clone();
            for (mine, theirs, ..) in numbers.iter().map(|number| &shapes[*number]) {
                if *mine == mover {
                    continue;
                }
                let reason = Reason {
                    kind: Kind::Class,
                    by: mine.clone(),
                    of: Some(mover.clone()),
                    names: BTreeSet::from([format!("_Z{class}")]),
                };
                grown |= load.add(load.pairs.target(theirs), theirs.clone(), Tier::Layout, Some(reason));
            }
        }
        load.settle(Tier::Layout)?;
        if !grown {
            return Ok(());
        }
    }
}

fn layout(loader: &Loader<'_>, path: &ImagePath) -> Result<Arc<crate::elf::Traits>, ObjectError> {
    match loader.view.tree.get(path) {
        Some(node) => loader.view.objects.traits(path, node),
        None => Ok(Arc::default()),
    }
}

/// Classes whose size both files know, and not the same.
fn differing<'t>(was: &'t crate::elf::Traits, will: &'t crate::elf::Traits) -> Vec<&'t str> {
    let sizes = was.layout.sizes.iter();
    let differ = sizes.filter(|(class, size)| will.layout.sizes.get(*class).is_some_and(|new| new != *size));
    differ.map(|(class, _)| class.as_str()).collect()
}

fn mentions_class(traits: &crate::elf::Traits, class: &str) -> bool {
    let Layout { sizes, .. } = &traits.layout;
    sizes.contains_key(class)
}
