//! Every check fires where it should and nowhere else: a folder of `fixtures/checks/` for each.
//!
//! `docs/checks.md` tells the format. `CHECK=needed-missing cargo test --test checks` plays one folder.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../elves/mod.rs"]
mod elves;
mod expect;
mod folders;
mod format;
mod make;
mod trees;

use std::path::Path;
use std::path::PathBuf;

use imgforge::audit;

use folders::Folder;
use trees::Ground;

/// `fixtures/checks/`.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checks")
}

#[test]
fn every_check_has_its_folder_and_every_folder_its_check() {
    let entries = std::fs::read_dir(top()).unwrap();
    let mut folders: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, audit::all().map(|check| check.id).collect::<Vec<_>>());
    for id in folders {
        for name in ["fires.toml", "expected.txt", "clean.toml"] {
            assert!(top().join(&id).join(name).is_file(), "fixtures/checks/{id} lacks {name}");
        }
    }
}

#[test]
fn every_check_finds_what_its_folder_says() {
    if !elves::has("gcc") || !elves::has("g++") {
        elves::skipped("no gcc");
        return;
    }
    let ground = Ground::new();
    let one = std::env::var("CHECK").ok();
    let chosen = |id: &str| one.as_ref().is_none_or(|one| one == id);
    let folders: Vec<Folder> =
        audit::all().filter(|check| chosen(check.id)).map(|check| Folder::open(check.id)).collect();
    assert!(!folders.is_empty(), "no check is called {one:?}");
    let wrong: Vec<String> = folders.iter().flat_map(|folder| folder.play(&ground)).collect();
    assert!(wrong.is_empty(), "{} cases differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_check_shows_the_finding_of_its_folder() {
    for check in audit::all() {
        let expected = std::fs::read_to_string(top().join(check.id).join("expected.txt")).unwrap();
        assert_eq!(check.example, expected, "{}: the example is another check's", check.id);
    }
}

#[test]
fn every_check_is_found_by_its_id() {
    for check in audit::all() {
        assert_eq!(audit::find(check.id).map(|found| found.summary), Some(check.summary));
    }
    assert!(audit::find("no-such-check").is_none());
}
