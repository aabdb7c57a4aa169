//! Which path of which image is meant: links, hard links, merged directories, whiteouts.

use crate::layer::Listing;
use crate::rig::Bench;

fn graft(files: &str, more: &str) -> String {
    let plain = "from = \"donor\", root = \"/d\", into = \"/opt/lib\"";
    format!("[[step]]\ngraft = {{ {plain}, files = [{files}]{more} }}")
}

/// T5: a hard link to a file of a lower layer fails to load, and the spec says it may.
#[test]
fn t05_a_donors_hard_link_becomes_a_file_of_its_own() {
    let bench = Bench::new();
    bench.images(
        r#"
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([Layer().file("/d/first", b"shared", 0o755).hardlink("/d/second", "/d/first", 0o755)])
"#,
    );
    for wanted in ["\"second\"", "\"first\", \"second\"", "\"*\""] {
        let layer = Listing::of(&bench.forge("hard", &graft(wanted, "")).layer());
        let second = layer.entry("opt/lib/second");
        assert_eq!(
            (&second["type"], &second["text"]),
            (&"0".into(), &"shared".into()),
            "{wanted}"
        );
    }
}

const ALIASED: &str = r#"
low = Layer().file("/opt/lib/a.so", b"old", 0o755, 1000, 0)
low.hardlink("/opt/lib/b.so", "/opt/lib/a.so", 0o755, 1000, 0)
tagged["base"] = Image([low])
tagged["donor"] = Image([Layer().file("/d/a.so", b"new", 0o644)])
"#;

/// T6: the other name of a replaced inode keeps the old content; nobody else says so (umoci, ggcr#2002).
#[test]
fn t06_other_names_of_a_replaced_file_are_reported() {
    let bench = Bench::new();
    bench.images(ALIASED);
    let forged = bench.forge("alias", &graft("\"a.so\"", ""));
    assert!(
        forged.stderr.contains("hardlink-alias") || report_has_alias(&bench),
        "{}",
        forged.stderr
    );
    let layer = Listing::of(&forged.layer());
    assert!(!layer.names().contains(&"opt/lib/b.so"));
}

fn report_has_alias(bench: &Bench) -> bool {
    let report = bench
        .run(&["audit", "alias.toml", "--format=json"])
        .exits(0)
        .json();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|finding| finding["check"] == "hardlink-alias")
}

#[test]
fn t06_other_names_follow_when_the_recipe_asks() {
    let bench = Bench::new();
    bench.images(ALIASED);
    let layer = Listing::of(
        &bench
            .forge("follow", &graft("\"a.so\"", ", aliases = \"replace\""))
            .layer(),
    );
    let alias = layer.entry("opt/lib/b.so");
    assert_eq!(
        (&alias["type"], &alias["link"]),
        (&"1".into(), &"opt/lib/a.so".into())
    );
    // The target comes first, or an extractor could not link to it.
    let at = |name: &str| layer.names().iter().position(|entry| *entry == name).unwrap();
    assert!(at("opt/lib/a.so") < at("opt/lib/b.so"));
    assert_eq!(layer.looks("opt/lib/a.so"), (0o755, 1000, 0));
}

/// T7: the file behind a chain of links, across layers, and not an empty one (regctl, paketkoll#55).
#[test]
fn t07_links_of_the_donor_are_followed_across_layers() {
    let bench = Bench::new();
    bench.images(
        r#"
low = Layer().file("/d/libx.so.1.2.3", b"the library", 0o755)
middle = Layer().symlink("/d/libx.so.1", "libx.so.1.2.3")
upper = Layer().symlink("/d/libx.so", "/d/libx.so.1")
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([low, middle, upper])
"#,
    );
    let layer = Listing::of(&bench.forge("chain", &graft("\"libx.so\"", "")).layer());
    let library = layer.entry("opt/lib/libx.so");
    assert_eq!(
        (&library["type"], &library["text"]),
        (&"0".into(), &"the library".into())
    );
    // A glob keeps links that lead to something it takes as well.
    let layer = Listing::of(&bench.forge("glob", &graft("\"libx*\"", "")).layer());
    assert_eq!(layer.entry("opt/lib/libx.so.1.2.3")["text"], "the library");
    assert_eq!(layer.entry("opt/lib/libx.so.1")["link"], "libx.so.1.2.3");
}

#[test]
fn t18_a_link_cycle_in_the_donor_is_an_error() {
    let bench = Bench::new();
    bench.images(
        r#"
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([Layer().symlink("/d/a", "b").symlink("/d/b", "a")])
"#,
    );
    bench.refuse(2, &graft("\"a\"", "")).says("refused.toml:");
}

/// T8: a destination goes through the base's own links, and no link to a directory is replaced by a directory
/// (buildkit#709, moby#41035, apko#1856).
#[test]
fn t08_destinations_go_through_the_bases_links() {
    let bench = Bench::new();
    bench.images(
        r#"
base = Layer().dir("/usr/lib/x86_64-linux-gnu", 0o755).symlink("/lib", "usr/lib").dir("/opt/venv/lib", 0o775, 1000, 0)
base.symlink("/opt/venv/lib64", "lib").file("/usr/lib/x86_64-linux-gnu/libc.so.6", b"old", 0o755)
base.symlink("/opt/current", "/opt/venv")
tagged["base"] = Image([base])
tagged["donor"] = Image([Layer().file("/d/libc.so.6", b"new", 0o755)])
"#,
    );
    let into = |path: &str| {
        format!(
            "[[step]]\ngraft = {{ from = \"donor\", root = \"/d\", into = \"{path}\", files = [\"libc.so.6\"] }}"
        )
    };
    for (path, lands) in [
        ("/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/libc.so.6"),
        ("/opt/venv/lib64", "opt/venv/lib/libc.so.6"),
        ("/opt/current/lib64/new", "opt/venv/lib/new/libc.so.6"),
    ] {
        let layer = Listing::of(&bench.forge("through", &into(path)).layer());
        assert_eq!(layer.entry(lands)["text"], "new", "{path}");
        let links = ["lib", "opt/venv/lib64", "opt/current"];
        assert!(
            !layer.names().iter().any(|name| links.contains(name)),
            "{path}: {:?}",
            layer.names()
        );
    }
    // The same file under two names is one path.
    let both = format!(
        "{}\n{}",
        into("/lib/x86_64-linux-gnu"),
        into("/usr/lib/x86_64-linux-gnu")
    );
    bench.refuse(2, &both);
}

/// T9, T10: whiteouts of the base and the donor hide what is below them, whatever their order in their layer
/// (ggcr#2029, ggcr#2191, umoci#229).
#[test]
fn t09_t10_what_whiteouts_hide_is_not_there_and_what_came_back_is() {
    let bench = Bench::new();
    bench.images(
        r#"
low = Layer().file("/d/gone", b"1").file("/d/dir/inside", b"1").file("/d/again/old", b"1").file("/d/same", b"low")
first = Layer(unique=False).whiteout("/d/gone").opaque("/d/dir").whiteout("/d/again")
after = Layer(unique=False).dir("/d").file("/d/same", b"up").whiteout("/d/same")
before = Layer(unique=False).dir("/d").whiteout("/d/same").file("/d/same", b"up")
back = Layer().file("/d/again/new", b"2")
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([low, first, back, after])
tagged["donor2"] = Image([low, first, back, before])
"#,
    );
    for tag in ["donor", "donor2"] {
        for (file, there) in [
            ("gone", false),
            ("dir/inside", false),
            ("again/old", false),
            ("again/new", true),
            ("same", true),
        ] {
            let steps = graft(&format!("\"{file}\""), "");
            let name = if there { "there" } else { "absent" };
            let recipe = bench.recipe(name, &steps);
            let text = std::fs::read_to_string(bench.path(&recipe)).unwrap();
            bench.write(&recipe, &text.replace("layout:donor", &format!("layout:{tag}")));
            let run = bench.run(&["build", &recipe, "--output", "oci:out:x"]);
            run.exits(if there { 0 } else { 2 });
        }
        let same = bench
            .run(&["cat", &format!("oci:layout:{tag}"), "/d/same"])
            .exits(0);
        assert_eq!(same.stdout, "up", "{tag}");
    }
}

/// T12: only what exists gets a whiteout (umoci#254).
#[test]
fn t12_only_what_exists_is_whited_out() {
    let bench = Bench::new();
    bench.images(
        r#"tagged["base"] = Image([Layer().file("/opt/there", b"1").file("/opt/dir/inside", b"2")])"#,
    );
    let remove = |path: &str, more: &str| format!("[[step]]\nremove = {{ path = \"{path}\"{more} }}");
    bench
        .refuse(2, &remove("/opt/their", ""))
        .says("/opt/their")
        .says("there");
    let nothing = bench.forge("ignored", &remove("/opt/their", ", missing = \"ignore\""));
    assert!(nothing.said["layer"].is_null(), "{}", nothing.said);
    let layer = Listing::of(&bench.forge("removed", &remove("/opt/there", "")).layer());
    assert_eq!(layer.names(), ["opt", "opt/.wh.there"]);
    let layer = Listing::of(&bench.forge("directory", &remove("/opt/dir", "")).layer());
    assert_eq!(layer.names(), ["opt", "opt/.wh.dir"]);
}
