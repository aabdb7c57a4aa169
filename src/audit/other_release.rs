//! A library that is missing, and is there in another release.

use super::Case;
use crate::loader::Missing;
use crate::oci::ImagePath;

/// The file of the same name but for what follows `.so` (`libboost_python.so.1.83.0` for `….so.1.87.0`), in a
/// directory that the file which needs it names in its own search path: that is where its package wanted the library
/// to be. Directories of the system do not count: releases lie there side by side.
pub(super) fn of<'a>(case: &'a Case<'_>, missing: &Missing) -> Option<&'a ImagePath> {
    let stem = stem(&missing.name)?;
    let own = |place: &String| {
        let (directory, rule) = place.rsplit_once(" (")?;
        matches!(rule, "RPATH)" | "RUNPATH)").then(|| directory.to_owned())
    };
    let directories: Vec<String> = missing.searched.iter().filter_map(own).collect();
    let lies_there = |path: &ImagePath| {
        let name = String::from_utf8_lossy(path.name());
        let mut places = directories.iter().map(|directory| case.loader.file(&format!("{directory}/{name}")));
        places.any(|file| file.as_ref() == Some(path))
    };
    let named = |path: &ImagePath| {
        let name = String::from_utf8_lossy(path.name());
        *name != *missing.name && self::stem(&name) == Some(stem)
    };
    let start = format!("{stem}.so.");
    let alike = case.loader.catalogue.beginning_with(&start).flat_map(|(_, files)| files);
    alike.filter(|path| named(path) && lies_there(path)).min()
}

/// A library's name up to `.so`, when a number follows that.
fn stem(name: &str) -> Option<&str> {
    let (stem, release) = name.split_once(".so.")?;
    release.starts_with(|c: char| c.is_ascii_digit()).then_some(stem)
}
