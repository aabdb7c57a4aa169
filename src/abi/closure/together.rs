//! Built together: files of one build between which C++ goes.
//!
//! An edge joins two files that both changed and between which C++ symbols bind that are not the standard
//! library's; they agree on the layout of what they exchange, and nothing in them says so. A plugin is joined to
//! the library that opens it. Only files of the wheel that the seeds belong to count, where it is known.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Kind;
use super::Reason;
use super::Tier;
use super::Wheels;
use super::load::Load;
use super::side::Loaded;
use super::side::Side;
use crate::abi::is_own_cpp;
use crate::index::ObjectError;
use crate::oci::ImagePath;

/// Symbols between two files, by their paths in the old tree.
type Edges = BTreeMap<(ImagePath, ImagePath), BTreeSet<String>>;

/// Adds everything that was built together with what moves. Gives the wheel, where the seeds have one.
pub(super) fn extend(load: &mut Load<'_>) -> Result<Option<String>, Error> {
    let wheels = Wheels::new(load.old)?;
    let seeds = load.moves.iter().filter(|(_, moved)| moved.tier == Tier::Seed);
    let wheel = seeds.map(|(target, _)| wheels.of(target)).next().flatten();
    let inside = |path: &ImagePath| wheel.is_none_or(|wheel| wheel.files.contains_key(path));
    let changed: BTreeMap<ImagePath, ImagePath> = load
        .pairs
        .changed(&load.old.catalogue, &load.new.catalogue)
        .filter(|(mine, _)| inside(mine))
        .map(|(mine, theirs)| (mine.clone(), theirs.clone()))
        .collect();
    let mut edges = Edges::new();
    for (mine, theirs) in &changed {
        cross(&mut load.was, mine, &|path| Some(path.clone()), &mut edges)?;
        let pairs = load.pairs;
        cross(&mut load.will, theirs, &|path| pairs.old(path).cloned(), &mut edges)?;
    }
    edges.retain(|(wants, gives), _| changed.contains_key(wants) && changed.contains_key(gives));
    let plugged = plugged(&load.was, &changed)?;
    grow(load, &changed, &edges, &plugged);
    load.settle(Tier::Together)?;
    Ok(wheel.map(|wheel| wheel.name.clone()))
}

/// Adds the C++ symbols that a file gets from others in its own build.
fn cross(
    side: &mut Side<'_>,
    file: &ImagePath,
    known_as: &dyn Fn(&ImagePath) -> Option<ImagePath>,
    edges: &mut Edges,
) -> Result<(), ObjectError> {
    let loader = side.loader;
    let Some(Loaded { world, symbols }) = side.load(file)? else {
        return Ok(());
    };
    let (Some(index), Some(by)) = (world.find(file), known_as(file)) else {
        return Ok(());
    };
    for symbol in symbols[index].undefined.iter().filter(|symbol| is_own_cpp(&symbol.name)) {
        let provider = world.provider(loader, symbols, index, symbol);
        let Some(of) = provider.and_then(|provider| known_as(&world.objects[provider].file)) else {
            continue;
        };
        if by != of {
            edges.entry((by.clone(), of)).or_default().insert(symbol.name.to_string());
        }
    }
    Ok(())
}

/// Whether a file is one that others of its package open by name at run time.
fn is_plugin(path: &ImagePath) -> bool {
    let directory = path.parent().is_some_and(|parent| parent.name() == b"plugins");
    directory || path.name().starts_with(b"libplugin_")
}

/// Files of `changed` that are opened at run time, each with one that opens it: whose read-only data have its name,
/// or the beginning of it for a plugin. Plugins of a package are one build, whoever opens them.
fn plugged(
    side: &Side<'_>,
    changed: &BTreeMap<ImagePath, ImagePath>,
) -> Result<Vec<(ImagePath, ImagePath)>, ObjectError> {
    let loader = side.loader;
    let mut openers = Vec::new();
    for file in changed.keys() {
        if let Some(node) = loader.view.tree.get(file) {
            let traits = loader.view.objects.traits(file, node)?;
            openers.push((file, traits.texts.libraries.iter().cloned().collect::<BTreeSet<String>>()));
        }
    }
    let mut plugged = Vec::new();
    for file in changed.keys() {
        let name = String::from_utf8_lossy(file.name()).into_owned();
        let opens = |names: &BTreeSet<String>| {
            let begins =
                |text: &String| is_plugin(file) && text.ends_with('_') && name.starts_with(text.as_str());
            names.contains(&name) || names.iter().any(begins)
        };
        let is_needed = |by: &ImagePath| {
            loader.catalogue.get(by).is_some_and(|object| object.facts.needed.contains(&name))
        };
        let other = |by: &ImagePath| by != file && !is_needed(by) && !is_plugin(by);
        let opener = openers.iter().find(|(by, names)| other(by) && opens(names)).map(|(by, _)| *by);
        let sibling = || changed.keys().find(|other| is_plugin(file) && is_plugin(other) && *other != file);
        if let Some(by) = opener.or_else(sibling) {
            plugged.push((file.clone(), by.clone()));
        }
    }
    Ok(plugged)
}

/// Follows the edges from what moves until nothing is added.
fn grow(
    load: &mut Load<'_>,
    changed: &BTreeMap<ImagePath, ImagePath>,
    edges: &Edges,
    plugged: &[(ImagePath, ImagePath)],
) {
    let mut bonds: Vec<(&ImagePath, &ImagePath, Kind, BTreeSet<String>)> =
        edges.iter().map(|((by, of), names)| (by, of, Kind::Calls, names.clone())).collect();
    for (plugin, opener) in plugged {
        let name = BTreeSet::from([String::from_utf8_lossy(plugin.name()).into_owned()]);
        bonds.push((opener, plugin, Kind::Plugin, name));
    }
    loop {
        let mut grown = false;
        for (by, of, kind, names) in &bonds {
            let (first, second) = (load.moves.get(by).is_some(), load.moves.get(of).is_some());
            let add = match (first, second) {
                (true, false) => *of,
                (false, true) => *by,
                _ => continue,
            };
            let reason =
                Reason { kind: *kind, by: (*by).clone(), of: Some((*of).clone()), names: names.clone() };
            let from = &changed[add];
            grown |= load.add(load.pairs.target(from), from.clone(), Tier::Together, Some(reason));
        }
        if !grown {
            return;
        }
    }
}
