//! Policies, levels and baselines: who decides what counts.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rig::Bench;

/// The main recipe without the core library: it has errors.
fn broken(bench: &Bench) -> String {
    let keep = |line: &str| (!line.contains("    \"libs/libtensorrt_llm.so\"")).then(|| line.to_owned());
    bench.edited_recipe("libfabric.toml", keep)
}

fn findings(document: &Value) -> &Vec<Value> {
    document["findings"].as_array().unwrap()
}

#[test]
fn what_a_baseline_has_does_not_count_again() {
    let bench = Bench::new();
    let recipe = broken(&bench);
    let args = ["audit", &recipe, "--write-baseline=known.json", "--format=json"];
    let first = bench.on_mini(&args).exits(1).json();
    assert!(first["counts"]["error"].as_u64().unwrap() > 0);
    let again = bench.on_mini(&["audit", &recipe, "--baseline=known.json", "--format=json"]).exits(0).json();
    assert_eq!(again["counts"]["error"], 0);
    assert_eq!(findings(&again).len(), findings(&first).len());
    assert!(findings(&again).iter().all(|finding| finding["introduced"] == false), "{again:#}");
    // The recipe can name it, and a build takes it as well.
    let text = std::fs::read_to_string(bench.path(&recipe)).unwrap();
    bench.write(&recipe, &text.replace("[audit]", "[audit]\nbaseline = \"known.json\""));
    bench.on_mini(&["build", &recipe, "--output=oci:out:x"]).exits(0);
}

#[test]
fn what_of_a_baseline_is_gone_is_told() {
    let bench = Bench::new();
    let recipe = broken(&bench);
    bench.on_mini(&["audit", &recipe, "--write-baseline=known.json"]).exits(1);
    let whole = bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    let run = bench.on_mini(&["audit", &whole, "--baseline=known.json", "--format=json"]).exits(0).json();
    let unused: Vec<_> = findings(&run).iter().filter(|f| f["check"] == "baseline-unused").collect();
    assert_eq!(unused.len(), 1);
    assert!(unused[0]["evidence"]["gone"].as_str().unwrap().contains("undefined-symbol"), "{unused:?}");
    bench.write("other.json", "{\"schema\": \"imgforge.plan/1\", \"findings\": []}");
    let run = bench.on_mini(&["audit", &whole, "--baseline=other.json"]).exits(2);
    run.says("`other.json` is not a report").says("imgforge.plan/1");
}

#[test]
fn levels_come_from_the_policy_the_recipe_and_the_command_line_in_that_order() {
    let bench = Bench::new();
    let recipe = broken(&bench);
    bench.write("quiet.toml", "summary = \"nothing matters\"\nlevels = { undefined-symbol = \"off\" }\n");
    let severities = |extra: &[&str], code: i32| -> Vec<(String, bool)> {
        let mut args = vec!["audit", recipe.as_str(), "--format=json"];
        args.extend(extra);
        let document = bench.on_mini(&args).exits(code).json();
        let undefined = findings(&document).iter().filter(|f| f["check"] == "undefined-symbol");
        let mut told: Vec<(String, bool)> = undefined
            .map(|f| (f["severity"].as_str().unwrap().to_owned(), f["allowed"].is_string()))
            .collect();
        told.dedup();
        told
    };
    let of = |severity: &str, off: bool| vec![(severity.to_owned(), off)];
    assert_eq!(severities(&[], 1), of("error", false));
    assert_eq!(severities(&["--policy=./quiet.toml"], 0), of("error", true));
    let text = std::fs::read_to_string(bench.path(&recipe)).unwrap();
    let levels = "[audit]\nlevels = { undefined-symbol = \"note\" }";
    bench.write(&recipe, &text.replace("[audit]", levels));
    assert_eq!(severities(&["--policy=./quiet.toml"], 0), of("note", false));
    let flag = ["--policy=./quiet.toml", "--level=undefined-symbol=warning"];
    assert_eq!(severities(&flag, 0), of("warning", false));
    let run = bench.on_mini(&["audit", &recipe, "--level=undefined=off"]).exits(2);
    run.says("there is no check `undefined`");
}

#[test]
fn a_policy_names_the_symbols_that_are_too_new() {
    let bench = Bench::new();
    let recipe = bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    let old =
        "summary = \"older than anything\"\nlibraries = [\"libc.so.6\"]\nversions = { GLIBC = \"2.0\" }\n";
    bench.write("old.toml", old);
    // What is replaced wanted the same: it was there, and does not stop the build.
    let document = bench.on_mini(&["audit", &recipe, "--policy=./old.toml", "--format=json"]).exits(0).json();
    let ceiling = findings(&document).iter().find(|f| f["check"] == "symbol-version-ceiling").unwrap();
    assert!(ceiling["symbol"].as_str().unwrap().starts_with("GLIBC_2."));
    assert!(!ceiling["evidence"]["symbols"].as_str().unwrap().is_empty());
    let run = bench.on_mini(&["audit", &recipe, "--policy=manylinux_2_99"]).exits(2);
    run.says("there is no policy `manylinux_2_99`").says("`manylinux_2_28`");
}

#[test]
fn a_narrow_scope_judges_what_is_brought_and_what_it_loads() {
    let bench = Bench::new();
    // rc4's bindings stay, and the library that they call is rc5's.
    let keep = |line: &str| (!line.contains("    \"bindings.")).then(|| line.to_owned());
    let recipe = bench.edited_recipe("libfabric.toml", keep);
    let told = |scope: &str, code: i32| {
        let args = ["audit", &recipe, "--format=json", "--gate=warning", "--audit-scope", scope];
        let document = bench.on_mini(&args).exits(code).json();
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let pairs = findings(&document).iter().map(|f| (word(f, "check"), word(f, "path")));
        pairs.collect::<BTreeSet<(String, String)>>()
    };
    let (whole, narrow) = (told("image", 1), told("closure", 0));
    assert!(narrow.is_subset(&whole) && narrow.len() < whole.len());
    let at = |path: &str, all: &BTreeSet<(String, String)>| all.iter().any(|(_, own)| own.contains(path));
    assert_eq!([at("/bindings.", &whole), at("/bindings.", &narrow)], [true, false], "{whole:#?}");
    assert!(at("/tensorrt_llm/libs/", &narrow), "{narrow:#?}");
    let settings = |all: &BTreeSet<(String, String)>| all.iter().any(|(check, _)| check == "setting-unread");
    assert_eq!([settings(&whole), settings(&narrow)], [true, false], "of the image as a whole");
    // A build goes by the same, and who reads the report can ask again.
    bench
        .on_mini(&["build", &recipe, "--output=oci:out:x", "--gate=warning", "--audit-scope=closure"])
        .exits(0);
    let args = ["audit", &broken(&bench), "--audit-scope=closure", "--report=issue=said.md"];
    bench.on_mini(&args).exits(1);
    let said = std::fs::read_to_string(bench.path("said.md")).unwrap();
    assert!(said.contains("--audit-scope closure"), "{said}");
    let run = bench.run(&["audit", "oci:out:x", "--audit-scope=closure"]).exits(2);
    run.says("`--audit-scope closure` is for what changes");
}
