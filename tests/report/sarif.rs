//! SARIF against the standard's own schema, and against what GitHub documents that it takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use imgforge::report::sarif;
use serde_json::Value;
use serde_json::json;

use crate::sample;

fn schema() -> jsonschema::Validator {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    // Its pattern for languages has a bracket too many for strict readers of regular expressions; we write none.
    for part in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][part]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    jsonschema::validator_for(&schema).unwrap()
}

fn log(reports: &[imgforge::report::Report]) -> Value {
    serde_json::from_str(&sample::text(|out| sarif::write(out, reports))).unwrap()
}

#[test]
fn the_standard_s_schema_takes_it() {
    let schema = schema();
    for reports in [vec![sample::report()], vec![sample::report(), sample::many(3)], vec![]] {
        let log = log(&reports);
        let wrong: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new());
    }
    let mut bad = log(&[sample::report()]);
    bad["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(!schema.is_valid(&bad), "the schema refuses nothing");
}

#[test]
fn a_result_says_where_and_since_when() {
    let log = log(&[sample::report()]);
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let result = |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap();

    let op = result("torch-op-arity");
    assert_eq!(op["level"], "error");
    assert_eq!(op["baselineState"], "new");
    assert_eq!(op["suppressions"], Value::Null);
    assert_eq!(
        op["locations"],
        json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": "opt/venv/site-packages/trtllm/moe.py"},
                "region": {"startLine": 271}
            },
            "logicalLocations": [{
                "name": "trtllm::fused_qk_norm_rope",
                "fullyQualifiedName": "/opt/venv/site-packages/trtllm/moe.py#trtllm::fused_qk_norm_rope",
                "kind": "function"
            }]
        }])
    );
    assert_eq!(
        op["relatedLocations"][0]["physicalLocation"],
        json!({"artifactLocation": {"uri": "recipes/a%20b.toml"}, "region": {"startLine": 12, "startColumn": 9}})
    );
    let message =
        "`moe.py` calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4. Graft `moe.py` too.";
    assert_eq!(op["message"]["text"], message);

    // A binary file has no lines.
    let binary = &result("undefined-symbol")["locations"][0]["physicalLocation"];
    assert_eq!(binary["region"], Value::Null);
    assert_eq!(result("needed-missing")["baselineState"], "unchanged");
    let allowed = json!([{"kind": "external", "status": "accepted", "justification": "known | <since> v1"}]);
    assert_eq!(result("soname-mismatch")["suppressions"], allowed);
    assert_eq!(result("allow-unused")["level"], "note");
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
        assert!(!uri.is_empty() && !uri.starts_with('/') && uri.chars().all(fits), "{uri}");
    }
}

/// docs.github.com, "SARIF support for code scanning" and "SARIF results exceed one or more limits".
#[test]
fn github_s_limits_are_kept() {
    let log = log(&[sample::many(25_007)]);
    let run = &log["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 25_000);
    let told = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(told, "7 more findings, none of them worse, are left out.");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(!rules.is_empty() && rules.len() <= 25_000);
    for rule in rules {
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 20);
        for field in ["shortDescription", "fullDescription", "help"] {
            let text = rule[field]["text"].as_str().unwrap();
            assert!(!text.is_empty(), "{} has no {field}", rule["id"]);
        }
        assert!(rule["shortDescription"]["text"].as_str().unwrap().chars().count() <= 1024);
        assert!(rule["id"].as_str().unwrap().chars().count() <= 255);
    }
}

#[test]
fn fingerprints_outlive_new_words_and_new_lines() {
    let prints = |report: &imgforge::report::Report| -> BTreeSet<String> {
        let log = log(std::slice::from_ref(report));
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        let print =
            |result: &Value| result["partialFingerprints"]["imgforgeFinding/v1"].as_str().unwrap().to_owned();
        results.iter().map(print).collect()
    };
    let old = sample::report();
    let mut new = old.clone();
    for finding in &mut new.findings {
        finding.message.push_str(" at all");
        finding.line = finding.line.map(|line| line + 40);
        finding.evidence.clear();
    }
    assert_eq!(prints(&old), prints(&new));
    assert_eq!(prints(&old).len(), old.findings.len());
}
