//! A recipe that forgets the bindings is told, with the line to paste.

use std::fs;
use std::path::Path;

use crate::elves::skipped;
use crate::program::closure;
use crate::program::texts;

/// The recipe of the mini fixture, without the bindings and what is optional.
fn forgetful(top: &Path) -> String {
    let text = fs::read_to_string(top.join("recipes/libfabric.toml")).unwrap();
    let text = text.replace("../patches", top.join("patches").to_str().unwrap());
    let (before, rest) = text.split_once("optional = [").unwrap();
    let after = rest.split_once("\n]").unwrap().1;
    format!("{before}{after}").replace("    \"bindings.cpython-*-x86_64-linux-gnu.so\",\n", "")
}

#[test]
fn a_recipe_gets_the_line_that_it_lacks() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(names) = fs::read_to_string(top.join("fixtures/mini/out/fixture.env")) else {
        return skipped("the mini fixtures are not built: `fixtures/mini/build.sh`");
    };
    let site = names.lines().find_map(|line| line.strip_prefix("SITE_PACKAGES=")).unwrap();
    let python = site.split("/python").nth(1).unwrap().split('/').next().unwrap();
    let bench = tempfile::tempdir().unwrap();
    let recipe = forgetful(top);
    assert!(!recipe.contains("bindings.cpython"), "the bindings are still there");
    fs::write(bench.path().join("r.toml"), &recipe).unwrap();
    let layout = format!("oci:{}", top.join("fixtures/mini/out/layout").display());
    let variable = format!("python={python}");
    let mirrors = [format!("public.ecr.aws={layout}"), format!("nvcr.io={layout}")];
    let arguments = ["r.toml", "--var", &variable, "--mirror", &mirrors[0], "--mirror", &mirrors[1]];
    let found = closure(bench.path(), &arguments);

    assert_eq!(texts(&found["needed_to_load"]).len(), 3, "every symbol resolves without the bindings");
    let package = format!("{site}/tensorrt_llm");
    let bindings =
        texts(&found["built_together"]).into_iter().find(|path| path.contains("/bindings.")).unwrap();
    assert!(bindings.starts_with(&package), "{bindings}");
    let graft = &found["grafts"][0];
    let line = graft["line"].as_str().unwrap();
    let value: toml::Table = toml::from_str(line).unwrap();
    let files: Vec<&str> =
        value["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert!(files.contains(&bindings.strip_prefix(&format!("{package}/")).unwrap()), "{files:?}");
    assert!(files.contains(&"libs/libtensorrt_llm.so"), "what was there stays: {files:?}");

    // With that line in it the recipe is complete.
    let (before, rest) = recipe.split_once("files = [").unwrap();
    let after = rest.split_once("\n]").unwrap().1;
    fs::write(bench.path().join("r.toml"), format!("{before}{line}{after}")).unwrap();
    let again = closure(bench.path(), &arguments);
    assert_eq!(texts(&again["grafts"][0]["added"]), [""; 0]);
}
