//! Every mistake a recipe can have, with the place where it is reported (`fixtures/recipes-bad`).
//!
//! Each `NAME.toml` there must be refused with exactly the text of `NAME.stderr`. A first line
//! `# --var name=value` gives variables. To see what is printed now: `cargo test --test recipes_bad`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::path::Path;

use imgforge::recipe;

const FOLDER: &str = "fixtures/recipes-bad";

/// The variables of a first line such as `# --var a=b --var c=d`.
fn variables(text: &str) -> BTreeMap<String, String> {
    let first = text.lines().next().unwrap();
    let words = first.split("--var ").skip(1);
    words
        .map(|word| word.trim().split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn every_bad_recipe_is_refused_at_the_right_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(root.join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut failures = Vec::new();
    let mut count = 0;
    for name in names.iter().filter_map(|name| name.strip_suffix(".toml")) {
        count += 1;
        // Cargo runs tests in the package's directory: the path is as a user would type it.
        let path = Path::new(FOLDER).join(format!("{name}.toml"));
        let vars = variables(&std::fs::read_to_string(&path).unwrap());
        let want = std::fs::read_to_string(path.with_extension("stderr")).unwrap_or_default();
        match recipe::load(&path, &vars) {
            Ok(_) => failures.push(format!("{name}: accepted")),
            Err(error) if error.render(false) == want => {}
            Err(error) => {
                failures.push(format!("{name}: wanted\n{want}\n{name}: got\n{}", error.render(false)))
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(count >= 30, "only {count} bad recipes in {FOLDER}");
    assert!(
        names.iter().filter(|name| name.ends_with(".stderr")).count() == count,
        "an expectation without its recipe"
    );
}
