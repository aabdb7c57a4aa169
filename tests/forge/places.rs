//! Where things really land: directories, links that lead nowhere, other names, and several recipes at once.

use crate::layer::Listing;
use crate::rig::Bench;

const IMAGES: &str = r#"
base = Layer().file("/opt/x/d/keep", b"1").dir("/opt/x", 0o755).symlink("/opt/dang", "/nowhere/dir")
base.file("/opt/lib/a.so", b"old", 0o755).hardlink("/opt/lib/b.so", "/opt/lib/a.so", 0o755)
base.file("/opt/lib/same.so", b"same", 0o644).hardlink("/opt/lib/twin.so", "/opt/lib/same.so", 0o644)
tagged["base"] = Image([base])
donor = Layer().file("/d/d", b"file").file("/d/a.so", b"new").file("/d/b.so", b"new").file("/d/same.so", b"same", 0o644)
donor.file("/d/links/real", b"real").symlink("/d/links/abs", "/d/links/real").symlink("/d/links/rel", "real")
donor.symlink("/d/links/out", "../../d/links/real")
tagged["donor"] = Image([donor])
"#;

fn prepared() -> Bench {
    let bench = Bench::new();
    bench.images(IMAGES);
    bench
}

fn graft(into: &str, files: &str, more: &str) -> String {
    format!(
        "[[step]]\ngraft = {{ from = \"donor\", root = \"/d\", into = \"{into}\", files = [{files}]{more} }}\n"
    )
}

#[test]
fn a_file_never_takes_the_place_of_a_directory() {
    prepared().refuse(2, &graft("/opt/x", "\"d\"", "")).says("`/opt/x/d` of the base is in the way");
    let write = "[[step]]\nwrite = { file = \"/opt/x/d\", text = \"t\" }\n";
    prepared().refuse(2, write).says("is in the way");
}

#[test]
fn a_link_to_what_does_not_exist_yet_is_followed() {
    let bench = prepared();
    let steps = "[[step]]\nwrite = { file = \"/opt/dang/file\", text = \"t\" }\n";
    let layer = Listing::of(&bench.forge("dangling", steps).layer());
    assert_eq!(layer.entry("nowhere/dir/file")["text"], "t");
    assert!(!layer.names().contains(&"opt/dang"), "the link stays: {:?}", layer.names());
}

#[test]
fn a_directory_that_a_step_makes_is_not_one_that_was_on_the_way() {
    let bench = prepared();
    let mkdir = "[[step]]\nmkdir = { path = \"/opt/new\", mode = \"0700\", owner = \"7:8\" }\n";
    let graft = graft("/opt/new", "\"a.so\"", "");
    for (name, steps) in [("after", format!("{graft}{mkdir}")), ("before", format!("{mkdir}{graft}"))] {
        let layer = Listing::of(&bench.forge(name, &steps).layer());
        assert_eq!(layer.looks("opt/new"), (0o700, 7, 8), "{name}");
    }
    prepared().refuse(2, &format!("{mkdir}{mkdir}")).says("/opt/new");
}

/// T6: names that the recipe replaces itself are no surprise, whether it asks for aliases or not.
#[test]
fn t06_both_names_replaced_is_nothing_to_report() {
    for more in ["", ", aliases = \"replace\""] {
        let bench = prepared();
        let forged = bench.forge("both", &graft("/opt/lib", "\"a.so\", \"b.so\"", more));
        assert_eq!(forged.said["report"]["findings"], serde_json::json!([]), "{more}");
        let layer = Listing::of(&forged.layer());
        assert_eq!(layer.entry("opt/lib/a.so")["text"], "new");
        assert_eq!(layer.entry("opt/lib/b.so")["text"], "new");
    }
}

/// T6: where nothing changes, no name diverges.
#[test]
fn t06_an_identical_file_leaves_its_other_names_alone() {
    for more in ["", ", aliases = \"replace\""] {
        let forged = prepared().forge("same", &graft("/opt/lib", "\"same.so\"", more));
        assert_eq!(forged.said["layer"], serde_json::Value::Null, "{more}");
        assert_eq!(forged.said["report"]["findings"], serde_json::json!([]), "{more}");
    }
}

#[test]
fn a_glob_keeps_only_links_that_lead_to_the_same_file() {
    let layer = Listing::of(&prepared().forge("links", &graft("/opt/y", "\"links/*\"", "")).layer());
    assert_eq!(layer.entry("opt/y/links/rel")["link"], "real");
    for followed in ["opt/y/links/abs", "opt/y/links/out"] {
        assert_eq!(layer.entry(followed)["text"], "real", "{followed}");
    }
}

#[test]
fn two_recipes_never_go_to_one_place() {
    let bench = prepared();
    let step = "[[step]]\nmkdir = { path = \"/opt/m\" }\n";
    let one = bench.recipe("one", step);
    let text = std::fs::read_to_string(bench.path(&one)).unwrap();
    bench.write("two.toml", &text);
    let run =
        bench.run(&["build", &one, "two.toml", "--output", "oci:out/{name}", "--digest-file", "digests"]);
    run.exits(2).says("two recipes of this call");
    // What the first came to is told.
    assert_eq!(std::fs::read_to_string(bench.path("digests")).unwrap().lines().count(), 1);
}

#[test]
fn an_empty_setting_counts_as_none() {
    let bench = prepared();
    let mut ls = bench.command(&["ls", "oci:layout:base", "/opt"]);
    let run = crate::rig::ran(ls.env("REGISTRY_AUTH_FILE", "").env("IMGFORGE_CACHE_DIR", ""));
    assert!(run.exits(0).stdout.contains("/opt/lib"));
}
