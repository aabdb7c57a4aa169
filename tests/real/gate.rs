//! The gate on real libraries: silent when the recipe is whole, refuses or warns when a file is left out.

use std::fs;

use serde_json::Value;

use crate::rig::images;
use crate::rig::imgforge;
use crate::rig::scratch;
use crate::rig::top;

/// Audits the LIBFABRIC recipe without the lines that hold one of `without`; gives exit code and findings.
fn audit(name: &str, without: &[&str]) -> (i32, Vec<Value>) {
    let recipe = fs::read_to_string(top().join("recipes/libfabric.toml")).unwrap();
    let patches = format!("\"{}/patches/", top().display());
    let kept = recipe.lines().filter(|line| !without.iter().any(|part| line.contains(part)));
    let text = kept.collect::<Vec<_>>().join("\n").replace("\"../patches/", &patches);
    let file = scratch(name).join("recipe.toml");
    fs::write(&file, text).unwrap();
    let layout = images().display();
    let mut audit = imgforge();
    audit.arg("audit").arg(&file).args(["--var", "python=3.11", "--format", "json"]);
    audit.args([
        "--mirror",
        &format!("public.ecr.aws=oci:{layout}"),
        "--mirror",
        &format!("nvcr.io=oci:{layout}"),
    ]);
    let output = audit.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report["findings"].as_array().unwrap().clone())
}

fn introduced<'a>(findings: &'a [Value], severity: &str) -> Vec<&'a str> {
    let new = findings.iter().filter(|f| f["introduced"] == true && f["severity"] == severity);
    new.map(|f| f["check"].as_str().unwrap()).collect()
}

#[test]
fn a_whole_recipe_is_clean() {
    let (code, findings) = audit("gate-whole", &[]);
    assert_eq!(code, 0);
    assert_eq!(introduced(&findings, "error"), [""; 0], "{findings:#?}");
    assert_eq!(introduced(&findings, "warning"), [""; 0], "{findings:#?}");
}

#[test]
fn what_the_loader_would_refuse_is_refused() {
    let (code, findings) = audit("gate-core", &["libtensorrt_llm.so"]);
    assert_eq!(code, 1);
    assert!(introduced(&findings, "error").contains(&"undefined-symbol"), "{findings:#?}");
}

#[test]
fn what_would_load_and_crash_is_found() {
    for (name, left) in [
        ("gate-bindings", "bindings.cpython"),
        ("gate-th", "libth_common.so"),
        ("gate-wrapper", "nixl_wrapper"),
    ] {
        let (_, findings) = audit(name, &[left]);
        let together = findings.iter().any(|f| {
            f["check"] == "built-together"
                && f["path"]
                    .as_str()
                    .unwrap()
                    .contains(left.trim_end_matches(".so").trim_end_matches(".cpython"))
        });
        assert!(together, "{left}: {findings:#?}");
    }
}

#[test]
fn without_the_path_of_efa_the_plugin_cannot_load() {
    let (code, findings) = audit("gate-efa", &["LD_LIBRARY_PATH = \"/opt/amazon/efa/lib\""]);
    // The base sets no path to EFA: the plugin that the recipe brings would not find libfabric.so.1.
    let missing = findings.iter().find(|f| f["check"] == "needed-missing" && f["introduced"] == true);
    match missing {
        Some(finding) => {
            assert!(finding["message"].as_str().unwrap().contains("libfabric.so.1"), "{finding}")
        }
        None => assert_eq!(code, 0, "{findings:#?}"),
    }
}
