//! What holds for every patch: a diff makes the new text of the old, and nothing is inserted twice.

use std::cell::Cell;
use std::io::Write;
use std::process::Command;

use proptest::prelude::*;

use super::Error;
use super::Outcome;
use super::Patch;
use super::apply;

/// A text of up to 40 lines, out of `kinds` different ones; the last may lack its newline.
fn text(kinds: u32) -> impl Strategy<Value = String> {
    (proptest::collection::vec(0..kinds, 0..40), any::<bool>()).prop_map(|(lines, whole)| {
        let text: String = lines.iter().map(|line| format!("line {line}\n")).collect();
        if whole { text } else { text.trim_end().to_owned() }
    })
}

/// Two versions of a text: some lines are dropped, doubled or changed.
fn versions(kinds: u32) -> impl Strategy<Value = (String, String)> {
    let edits = proptest::collection::vec(0..30_u8, 40);
    (text(kinds), edits).prop_map(|(old, edits)| {
        let lines = old.split_inclusive('\n').zip(edits).zip(0..);
        let new = lines.map(|((line, edit), number)| match edit {
            0 => String::new(),
            1 => format!("new {number}\n{line}"),
            2 => format!("changed {number}\n"),
            _ => line.to_owned(),
        });
        let new = new.collect();
        (old, new)
    })
}

fn diff(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header("a/f", "b/f").to_string()
}

proptest! {
    #[test]
    fn a_diff_of_unlike_lines_makes_the_new_text((old, new) in versions(100_000)) {
        prop_assume!(old != new);
        let patch = Patch::diff("p.diff", &diff(&old, &new)).unwrap();
        match apply(old.as_bytes(), &patch) {
            Ok(Outcome::Applied { text, places }) => {
                prop_assert_eq!(String::from_utf8(text).unwrap(), new.clone());
                prop_assert!(places.iter().all(|place| place.offset == 0));
                prop_assert_eq!(apply(new.as_bytes(), &patch), Ok(Outcome::AlreadyApplied));
            }
            // A hunk without any context fits everywhere: such a diff is refused.
            Err(Error::Repeats { .. }) => prop_assert!(old.is_empty() || new.is_empty() || !diff(&old, &new).contains("\n ")),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_text_takes_a_diff_twice((old, new) in versions(4), other in text(4)) {
        prop_assume!(old != new);
        let patch = Patch::diff("p.diff", &diff(&old, &new)).unwrap();
        if let Ok(Outcome::Applied { text, .. }) = apply(old.as_bytes(), &patch) {
            prop_assert_eq!(String::from_utf8(text).unwrap(), new.clone());
        }
        for file in [old, other] {
            if let Ok(Outcome::Applied { text, .. }) = apply(file.as_bytes(), &patch) {
                let again = apply(&text, &patch);
                prop_assert!(!matches!(again, Ok(Outcome::Applied { .. })), "{:?}", again);
            }
        }
    }

    #[test]
    fn no_text_takes_an_edit_twice(file in "[ab(),\n]{0,30}", find in "[ab(]{1,3}", new in "[ab(),\n]{0,20}", how in 0..3_usize) {
        let key = ["replace", "after", "before"][how];
        let body = format!("schema = 1\nname = \"p\"\n[[edit]]\nfind = {find:?}\n{key} = {new:?}\n");
        let patch = Patch::edits("p.toml", &body).unwrap();
        if let Ok(Outcome::Applied { text, .. }) = apply(file.as_bytes(), &patch) {
            let again = apply(&text, &patch);
            prop_assert!(!matches!(again, Ok(Outcome::Applied { .. })), "{:?}", again);
        }
    }
}

/// What GNU patch makes of it with fuzz 0; `None` when it refuses.
fn gnu_patch(old: &str, diff: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let (file, result) = (folder.path().join("f"), folder.path().join("out"));
    std::fs::write(&file, old).unwrap();
    let mut command = Command::new("patch");
    command.args(["-F0", "-N", "-s", "-r", "-", "-o"]).arg(&result).arg(&file);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
    let fine = child.wait().unwrap().success();
    fine.then(|| std::fs::read_to_string(&result).unwrap_or_default())
}

#[test]
fn gnu_patch_agrees() {
    if Command::new("patch").arg("--version").output().is_err() {
        println!("SKIPPED: GNU patch is not installed");
        assert!(std::option_env!("CI").is_none(), "GNU patch is needed under CI");
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let cases = (versions(30), 0..6_usize, 0..20_u8);
    let (applied, refused) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&cases, |((old, new), above, noise)| {
        prop_assume!(old != new && !old.is_empty() && !new.is_empty());
        let diff = diff(&old, &new);
        // Moved down, and in one of four cases with a line that no longer fits.
        let mut file = "other\n".repeat(above) + &old;
        if noise < 5 {
            file = file.replacen(&format!("line {noise}"), "noise", 1);
        }
        let patch = Patch::diff("p.diff", &diff).unwrap();
        match (apply(file.as_bytes(), &patch), gnu_patch(&file, &diff)) {
            (Ok(Outcome::Applied { text, .. }), gnu) => {
                prop_assert_eq!(Some(String::from_utf8(text).unwrap()), gnu);
                applied.set(applied.get() + 1);
            }
            // Stricter on purpose: what would fit twice.
            (Err(Error::Repeats { .. } | Error::Ambiguous { .. }) | Ok(Outcome::AlreadyApplied), _) => {}
            (Err(error), gnu) => {
                prop_assert_eq!(gnu, None, "{}", error);
                refused.set(refused.get() + 1);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let counts = (applied.get(), refused.get());
    assert!(counts.0 >= 50 && counts.1 >= 3, "too few cases say anything: {counts:?}");
    println!("applied, refused: {counts:?}");
}
