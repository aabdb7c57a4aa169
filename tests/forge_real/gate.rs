//! The gate on real parts: quiet about the recipe as it is, loud about one that forgets a file.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::services::place;
use crate::stage::SITE;
use crate::stage::can_run;
use crate::stage::imgforge;
use crate::stage::layout_mirrors;
use crate::stage::real;
use crate::stage::repository;

/// The recipe without the lines that name `file`; patches are still found.
fn without(work: &Path, file: &str) -> String {
    let text = fs::read_to_string(repository("recipes/libfabric.toml")).unwrap();
    let entry = format!("    \"{file}");
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(&entry)).collect();
    assert_eq!(kept.len() + 1, text.lines().count(), "`{file}` is in the recipe once");
    let patches = format!("\"{}/", repository("patches").display());
    let path = work.join("without.toml");
    fs::write(&path, kept.join("\n").replace("\"../patches/", &patches)).unwrap();
    path.display().to_string()
}

/// Exit code and findings of `audit`.
fn audit(work: &Path, recipe: &str) -> (Option<i32>, Vec<Value>) {
    let [base, donor] = layout_mirrors(real());
    let words =
        ["audit", recipe, "--var", "python=3.11", "--mirror", &base, "--mirror", &donor, "--format", "json"];
    let ran = imgforge(&work.join("cache"), &words);
    let report: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    (ran.code, report["findings"].as_array().unwrap().clone())
}

/// Findings of one check: `(path below the package, introduced)`.
fn of<'f>(findings: &'f [Value], check: &str, severity: &str) -> Vec<&'f str> {
    let this = |finding: &&Value| {
        finding["check"] == check && finding["severity"] == severity && finding["introduced"] == true
    };
    let path = |finding: &'f Value| finding["path"].as_str().unwrap();
    let package = format!("{SITE}/tensorrt_llm/");
    let found = findings.iter().filter(this).map(path);
    found.map(|path| path.strip_prefix(&package).unwrap_or(path)).collect()
}

#[test]
fn a_forgotten_library_is_refused_or_found() {
    if !can_run(&["python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    let whole = repository("recipes/libfabric.toml");
    let (code, findings) = audit(work.path(), whole.to_str().unwrap());
    assert_eq!(code, Some(0));
    let loud: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["introduced"] == true && finding["severity"] != "note")
        .collect();
    assert!(loud.is_empty(), "the recipe as it is: {loud:#?}");

    // rc5's siblings want a function that rc4's core has not: ld.so would refuse, and so does the gate.
    let (code, findings) = audit(work.path(), &without(work.path(), "libs/libtensorrt_llm.so"));
    assert_eq!(code, Some(1));
    let refused = of(&findings, "undefined-symbol", "error");
    for name in ["libs/libth_common.so", "libs/libtensorrt_llm_nixl_wrapper.so"] {
        assert!(refused.contains(&name), "{name} in {refused:?}");
    }

    // These load, and crash later: found, by name. Rc4's operators have one argument less than the patched caller passes:
    // that is certain to raise.
    for (line, path, exit) in [
        ("bindings.cpython-", "bindings.cpython-311-x86_64-linux-gnu.so", 0),
        ("libs/libth_common.so", "libs/libth_common.so", 1),
    ] {
        let (code, findings) = audit(work.path(), &without(work.path(), line));
        let told = of(&findings, "built-together", "warning");
        assert!(told.contains(&path), "{line}: {told:?}");
        assert_eq!(code, Some(exit), "{line}: a warning is under the gate's default");
        let raises = of(&findings, "torch-op-arity", "error");
        assert_eq!(raises.is_empty(), exit == 0, "{line}: {raises:?}");
    }
}

/// A build that the gate refuses leaves nothing, not even the directory of its layout.
#[test]
fn a_refused_build_writes_nothing() {
    if !can_run(&["python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    let recipe = without(work.path(), "libs/libtensorrt_llm.so");
    let [base, donor] = layout_mirrors(real());
    let out = work.path().join("out");
    let output = format!("oci:{}:x", out.display());
    let words = [
        "build",
        &recipe,
        "--var",
        "python=3.11",
        "--mirror",
        &base,
        "--mirror",
        &donor,
        "--output",
        &output,
    ];
    let ran = imgforge(&work.path().join("cache"), &words);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("opTableGeneration"), "{}", ran.err);
    assert!(!out.exists());
}
