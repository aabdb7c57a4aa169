//! `lock`, `build --locked` and `plan`.

use std::fs;

use crate::rig;
use crate::rig::Bench;

const RECIPE: &str = r#"
[vars]
where = "/opt"
[[step]]
graft = { from = "donor", root = "/d", into = "{where}", files = ["lib.so"] }
[[step]]
patch = { file = "/opt/a.py", with = "p.toml" }
[[step]]
write = { file = "/opt/host", source = "host.txt" }
"#;

fn prepared() -> Bench {
    let bench = Bench::new();
    images(&bench, "b'the library'", "b'x = 0\\n'");
    bench.write("host.txt", "from this machine");
    bench.write("p.toml", "schema = 1\nname = \"p\"\n[[edit]]\nfind = \"x = 0\"\nreplace = \"x = 1\"\n");
    bench.recipe("r", RECIPE);
    bench
}

fn images(bench: &Bench, library: &str, python: &str) {
    bench.images(&format!(
        "tagged['base'] = Image([Layer().file('/opt/a.py', {python})])\n\
         tagged['donor'] = Image([Layer().file('/d/lib.so', {library}, 0o755)])"
    ));
}

#[test]
fn a_locked_build_gives_what_the_lock_file_says() {
    let bench = prepared();
    let locked = bench.run(&["lock", "r.toml"]).exits(0);
    let digest = locked.stdout.split_whitespace().last().unwrap().to_owned();
    let text = fs::read_to_string(bench.path("r.lock")).unwrap();
    assert!(text.contains(&digest) && text.contains("/d/lib.so"), "{text}");
    bench.run(&["build", "r.toml", "--locked", "--output=oci:out:x"]).exits(0);
    assert_eq!(rig::tagged(&bench.path("out"), "x").unwrap(), digest);
    // Locking again changes nothing.
    bench.run(&["lock", "r.toml"]).exits(0);
    assert_eq!(fs::read_to_string(bench.path("r.lock")).unwrap(), text);
}

#[test]
fn a_locked_build_without_a_lock_file_is_refused() {
    let bench = prepared();
    bench.run(&["build", "r.toml", "--locked", "--output=oci:out:x"]).exits(2).says("r.lock");
    assert!(!bench.path("out").exists());
}

type Move = (&'static str, fn(&Bench), &'static [&'static str], &'static str);

#[test]
fn whatever_input_moves_is_named_and_nothing_is_published() {
    let moves: [Move; 6] = [
        (
            "patch",
            |b| {
                b.write(
                    "p.toml",
                    "schema = 1\nname = \"p\"\n[[edit]]\nfind = \"x = 0\"\nreplace = \"x = 2\"\n",
                )
            },
            &[],
            "file `p.toml`",
        ),
        ("host file", |b| b.write("host.txt", "From this machine"), &[], "file `host.txt`"),
        ("donor", |b| images(b, "b'THE library'", "b'x = 0\\n'"), &[], "source `donor`"),
        ("base", |b| images(b, "b'the library'", "b'x = 0  \\n'"), &[], "base `oci:layout:base`"),
        ("variable", |_| {}, &["--var=where=/srv"], "variable `where`"),
        ("recipe", |b| drop(b.recipe("r", &RECIPE.replace("host\"", "host2\""))), &[], "the recipe"),
    ];
    for (name, change, args, named) in moves {
        let bench = prepared();
        bench.run(&["lock", "r.toml"]).exits(0);
        change(&bench);
        let mut all = vec!["build", "r.toml", "--locked", "--output=oci:out:x"];
        all.extend(args);
        let run = bench.run(&all).exits(2).says(named).says("imgforge lock");
        assert!(!bench.path("out").exists(), "{name}");
        // Only what moved is named.
        let others = ["file `p.toml`", "file `host.txt`", "source `donor`", "base `", "variable `where`"];
        for other in others.iter().filter(|other| !named.starts_with(**other)) {
            assert!(!run.stderr.contains(&format!("{other} was")), "{name}: {}", run.stderr);
        }
        // Without --locked the change is nobody's business.
        all.retain(|arg| *arg != "--locked");
        bench.run(&all).exits(0);
    }
}

#[test]
fn files_for_pipelines_say_what_was_built() {
    let bench = prepared();
    let files = ["--digest-file=digest", "--metadata-file=meta.json", "--report=json=report.json"];
    let args = ["build", "r.toml", "--output=oci:out:x", files[0], files[1], files[2], "--format=json"];
    let said = bench.run(&args).exits(0).json();
    let digest = rig::tagged(&bench.path("out"), "x").unwrap();
    assert_eq!(said["schema"], "imgforge.build/1");
    assert_eq!(fs::read_to_string(bench.path("digest")).unwrap(), format!("{digest}\n"));
    let meta: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("meta.json")).unwrap()).unwrap();
    assert_eq!(meta, said);
    for key in ["recipe", "digest", "image_id", "base", "donors", "layer", "files", "patches", "outputs"] {
        assert!(!meta[key].is_null(), "no `{key}`");
    }
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["schema"], "imgforge.report/1");
    for key in ["subject", "findings", "counts"] {
        assert!(!report[key].is_null(), "no `{key}`");
    }
}
