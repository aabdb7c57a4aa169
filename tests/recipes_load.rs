//! The recipes and patches of this repository are read by the loader, and so by the schema it checks with.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(clippy::print_stdout, reason = "a check that cannot run says so")]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use imgforge::edit::patch::Patch;
use imgforge::recipe;
use imgforge::recipe::PatchFile;

/// The files of a folder of the repository, by name; a missing folder is an empty one.
fn files(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) else {
        println!("SKIPPED: there is no folder {folder}");
        assert!(option_env!("CI").is_none(), "{folder} is missing");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_recipe_loads() {
    for path in files("recipes") {
        if path.extension().is_some_and(|extension| extension == "toml") {
            recipe::load(&path, &BTreeMap::new()).unwrap_or_else(|error| panic!("{}", error.render(false)));
        }
    }
}

#[test]
fn every_patch_loads() {
    for path in files("patches") {
        let patch = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => PatchFile::Edits(path),
            Some("diff" | "patch") => PatchFile::Diff(path),
            _ => continue,
        };
        Patch::load(&patch).unwrap_or_else(|error| panic!("{}", error.render(false)));
    }
}
