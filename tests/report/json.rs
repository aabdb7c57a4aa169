//! `imgforge.report/1`: what readers were promised, and the schema that says so.

use imgforge::report::Report;
use imgforge::report::json;
use serde_json::Value;
use serde_json::json;

use crate::sample;

fn valid(document: &Value) -> bool {
    jsonschema::validator_for(&json::schema()).unwrap().is_valid(document)
}

#[test]
fn every_report_obeys_the_schema() {
    for report in [sample::report(), sample::many(30), Report::new("empty", Vec::new())] {
        let document: Value = serde_json::from_str(&sample::text(|out| json::write(out, &report))).unwrap();
        let validator = jsonschema::validator_for(&json::schema()).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(document, json::value(&report).unwrap());
    }
}

#[test]
fn the_schema_refuses_what_is_none() {
    let good = json::value(&sample::report()).unwrap();
    for (pointer, bad) in [
        ("/schema", json!("imgforge.report/2")),
        ("/findings/0/severity", json!("fatal")),
        ("/findings/0/line", json!(0)),
        ("/findings/0/introduced", json!("yes")),
        ("/findings/0/evidence", json!({"a": 1})),
        ("/counts/error", json!(-1)),
        ("/findings", json!({})),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = bad;
        assert!(!valid(&document), "{pointer}");
    }
    let mut document = good;
    document["findings"][0].as_object_mut().unwrap().remove("check");
    assert!(!valid(&document));
}

/// Written by hand from the promise: `check`, `severity`, `path`, `line`, `symbol`, `message`, `evidence`,
/// `introduced`, `recipe` and `counts` keep their names and meaning within the version.
#[test]
fn what_was_promised_stays() {
    let document = json::value(&sample::report()).unwrap();
    assert_eq!(document["schema"], "imgforge.report/1");
    assert_eq!(document["subject"], "docker://r.example/i:1");
    assert_eq!(document["counts"], json!({"error": 3, "warning": 1, "note": 1, "before": 1, "allowed": 1}));
    let findings = document["findings"].as_array().unwrap();
    let op = findings.iter().find(|finding| finding["check"] == "torch-op-arity").unwrap();
    assert_eq!(op["severity"], "error");
    assert_eq!(op["path"], "/opt/venv/site-packages/trtllm/moe.py");
    assert_eq!(op["line"], 271);
    assert_eq!(op["symbol"], "trtllm::fused_qk_norm_rope");
    assert_eq!(op["message"], "calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4");
    assert_eq!(op["evidence"]["declared"], sample::DECLARED);
    assert_eq!(op["introduced"], true);
    assert_eq!(op["recipe"], json!({"file": "recipes/a b.toml", "line": 12, "column": 9}));
    let allowed = findings.iter().find(|finding| finding["check"] == "soname-mismatch").unwrap();
    assert_eq!(allowed["allowed"], "known | <since> v1");
    assert_eq!(document["files"]["/usr/lib/liba.so.1"]["build_id"], "c0ffee");
    let prints: Vec<&str> = findings.iter().map(|finding| finding["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(prints.len(), std::collections::BTreeSet::from_iter(&prints).len());
}

#[test]
fn the_same_findings_in_any_order_give_the_same_bytes() {
    let report = sample::report();
    let mut turned = report.clone();
    turned.findings = Report::new("", report.findings.iter().rev().cloned().collect()).findings;
    assert_eq!(sample::text(|out| json::write(out, &report)), sample::text(|out| json::write(out, &turned)));
}
