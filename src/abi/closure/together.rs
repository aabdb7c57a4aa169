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
    let plugged = plugged(&mut load.was, &changed)?;
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
            edges.entry((by.clone(), of)).or_default().insert(symbol.name.clone());
        }
    }
    Ok(())
}

/// Whether a file is one that others of its package open by name at run time.
fn is_plugin(path: &ImagePath) -> bool {
    let directory = path.parent().is_some_and(|parent| parent.name() == b"plugins");
    directory || path.name().starts_with(b"libplugin_")
}

/// The library that opens each plugin of `changed`: in the directory above `plugins`, a file that calls `dlopen`.
/// A plugin without one is opened by nobody that is known.
fn plugged(
    side: &mut Side<'_>,
    changed: &BTreeMap<ImagePath, ImagePath>,
) -> Result<Vec<(ImagePath, Option<ImagePath>)>, ObjectError> {
    let mut plugged = Vec::new();
    for plugin in changed.keys().filter(|path| is_plugin(path)) {
        let above = plugin.parent().filter(|parent| parent.name() == b"plugins").and_then(|p| p.parent());
        let mut opener = None;
        for host in changed.keys().filter(|path| path.parent() == above && !is_plugin(path)) {
            let Some(Loaded { world, symbols }) = side.load(host)? else { continue };
            let index = world.find(host).unwrap_or(0);
            if opener.is_none() && symbols[index].undefined.iter().any(|symbol| symbol.name == "dlopen") {
                opener = Some(host.clone());
            }
        }
        plugged.push((plugin.clone(), opener));
    }
    Ok(plugged)
}

/// Follows the edges from what moves until nothing is added.
fn grow(
    load: &mut Load<'_>,
    changed: &BTreeMap<ImagePath, ImagePath>,
    edges: &Edges,
    plugged: &[(ImagePath, Option<ImagePath>)],
) {
    let mut bonds: Vec<(&ImagePath, &ImagePath, Kind, BTreeSet<String>)> =
        edges.iter().map(|((by, of), names)| (by, of, Kind::Calls, names.clone())).collect();
    for (plugin, opener) in plugged {
        let name = BTreeSet::from([String::from_utf8_lossy(plugin.name()).into_owned()]);
        // Other copies of the package's plugins are one build with those that have an opener.
        let opener = opener.as_ref().or_else(|| plugged.iter().find_map(|(_, opener)| opener.as_ref()));
        let other =
            opener.or_else(|| plugged.first().map(|(first, _)| first)).filter(|other| *other != plugin);
        bonds.extend(other.map(|other| (other, plugin, Kind::Plugin, name)));
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
