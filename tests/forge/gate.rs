//! What the gate refuses on the mini fixtures, and that it was right to.

use crate::rig;
use crate::rig::Bench;
use crate::rig::Ran;

const PARTS: [&str; 4] = [
    "libs/libtensorrt_llm.so\"",
    "libtensorrt_llm_nixl_wrapper.so\"",
    "libs/libth_common.so\"",
    "bindings.cpython",
];

/// The main recipe without the lines that hold one of `parts`, on the mini fixtures.
fn without(bench: &Bench, parts: &[&str]) -> String {
    let keep = |line: &str| {
        let dropped = line.starts_with("    \"") && parts.iter().any(|part| line.contains(part));
        (!dropped).then(|| line.to_owned())
    };
    let name = bench.edited_recipe("libfabric.toml", keep);
    let text = std::fs::read_to_string(bench.path(&name)).unwrap();
    assert!(
        parts
            .iter()
            .all(|part| { !text.lines().any(|line| line.starts_with("    \"") && line.contains(part)) })
    );
    name
}

fn findings(bench: &Bench, recipe: &str) -> (Option<i32>, Vec<serde_json::Value>) {
    let run = bench.on_mini(&["audit", recipe, "--format=json"]);
    (run.code, run.json()["findings"].as_array().unwrap().clone())
}

fn checks(findings: &[serde_json::Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect()
}

fn prove_death(bench: &Bench, how: &str) -> Ran {
    let script = rig::top().join("fixtures/mini/prove.sh");
    let mut command = std::process::Command::new(script);
    let args = ["oci:out:x", "--expect-death", how, "--times", "3"];
    rig::ran(command.args(args).current_dir(bench.path(""))).exits(0)
}

#[test]
fn without_the_core_library_the_loader_would_refuse_and_so_does_the_gate() {
    let bench = Bench::new();
    let recipe = without(&bench, &PARTS[..1]);
    let reports = ["--digest-file=d", "--metadata-file=m.json", "--report=json=r.json"];
    let page = "--report=html=r.html";
    let args = ["build", &recipe, "--output=oci:refused:x", reports[0], reports[1], reports[2], page];
    let run = bench.on_mini(&args).exits(1).says("undefined-symbol").says("opTableGeneration");
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    assert!(!bench.path("refused").exists(), "something was written");
    let report = std::fs::read_to_string(bench.path("r.json")).unwrap();
    assert!(report.contains("opTableGeneration"));
    let page = std::fs::read_to_string(bench.path("r.html")).unwrap();
    for picture in ["Who needs whom", "new layer", "layer 0", "donor trtllm"] {
        assert!(page.contains(picture), "the page has no {picture}");
    }
    let metadata = std::fs::read_to_string(bench.path("m.json")).unwrap();
    assert!(metadata.contains("\"digest\":null") || metadata.contains("\"digest\": null"), "{metadata}");
    assert!(std::fs::read_to_string(bench.path("d")).unwrap_or_default().is_empty());
    // The finding names the line of the recipe and the file in the image.
    let (code, findings) = findings(&bench, &recipe);
    assert_eq!(code, Some(1));
    let undefined = findings.iter().find(|finding| finding["check"] == "undefined-symbol").unwrap();
    assert_eq!(undefined["severity"], "error");
    assert_eq!(undefined["introduced"], true);
    assert!(undefined["path"].as_str().unwrap().starts_with("/opt/dynamo/venv/"));
    assert!(undefined["recipe"]["line"].as_u64().unwrap() > 1);
    // and it was right
    bench.on_mini(&["build", &recipe, "--output=oci:out:x", "--gate=off"]).exits(0);
    prove_death(&bench, "undefined");
}

#[test]
fn without_the_bindings_it_loads_and_dies_and_the_finding_names_what_was_built_together() {
    let bench = Bench::new();
    let recipe = without(&bench, &PARTS[3..]);
    let (_, findings) = findings(&bench, &recipe);
    let together = findings.iter().filter(|finding| finding["check"] == "built-together");
    assert!(together.clone().any(|finding| finding.to_string().contains("bindings.cpython")), "{findings:?}");
    assert!(together.clone().all(|finding| finding["severity"] != "note"));
    bench.on_mini(&["build", &recipe, "--output=oci:refused:x", "--gate=warning"]).exits(1);
    assert!(!bench.path("refused").exists());
    bench.on_mini(&["build", &recipe, "--output=oci:out:x", "--gate=off"]).exits(0);
    prove_death(&bench, "segv");
}

#[test]
fn without_the_op_library_the_finding_names_it_and_the_call_has_the_wrong_arity() {
    let bench = Bench::new();
    let recipe = without(&bench, &PARTS[2..3]);
    let (_, findings) = findings(&bench, &recipe);
    let named = findings.iter().any(|finding| {
        finding["check"] == "built-together"
            && finding["severity"] != "note"
            && finding.to_string().contains("libth_common.so")
    });
    assert!(named, "{findings:?}");
    bench.on_mini(&["build", &recipe, "--output=oci:out:x", "--gate=off"]).exits(0);
    prove_death(&bench, "arity");
}

/// The one that neither the loader nor the process minds: rc4's wrapper works, and knows no LIBFABRIC.
#[test]
fn without_the_wrapper_the_image_loads_and_falls_back() {
    let bench = Bench::new();
    let recipe = without(&bench, &PARTS[1..2]);
    let (code, findings) = findings(&bench, &recipe);
    assert_eq!(code, Some(0));
    let left = |f: &&serde_json::Value| {
        f["check"] == "built-together"
            && f["path"].as_str().unwrap().ends_with("/libtensorrt_llm_nixl_wrapper.so")
    };
    let left: Vec<_> = findings.iter().filter(left).map(|f| &f["severity"]).collect();
    assert_eq!(left, ["note"], "the donor has another build of it: {:?}", checks(&findings));
    bench.on_mini(&["build", &recipe, "--output=oci:out:x"]).exits(0);
    prove_death(&bench, "fallback");
}

#[test]
fn the_whole_recipe_has_nothing_over_a_note() {
    let bench = Bench::new();
    let recipe = without(&bench, &[]);
    let (code, findings) = findings(&bench, &recipe);
    assert_eq!(code, Some(0));
    let introduced: Vec<_> =
        findings.iter().filter(|finding| finding["introduced"] == true).cloned().collect();
    assert!(introduced.iter().all(|finding| finding["severity"] == "note"), "{:?}", checks(&introduced));
    bench.on_mini(&["build", &recipe, "--output=oci:out:x", "--gate=warning"]).exits(0);
}
