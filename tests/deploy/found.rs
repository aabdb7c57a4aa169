//! Every fault of the four deployments is found on its line, and nothing else is.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::said;
use crate::bench::top;

/// Line, severity and check.
type Told = (usize, String, String);

/// What a manifest says of itself after `#!`.
fn expected(text: &str, image: bool) -> BTreeSet<Told> {
    let mut all = BTreeSet::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    for (number, marks) in lines.filter_map(|(number, line)| Some((number + 1, line.split_once("#! ")?.1))) {
        for mark in marks.split("; ") {
            let (needs_image, mark) = mark.strip_prefix("image: ").map_or((false, mark), |mark| (true, mark));
            let (severity, check) = mark.split_once(' ').unwrap();
            if image || !needs_image {
                all.insert((number, severity.to_owned(), check.to_owned()));
            }
        }
    }
    all
}

fn told(bench: &Bench, words: &[&str]) -> Vec<(Told, Value)> {
    let output = bench.run(&[words, &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&said(&output, 0)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let told = findings.map(|finding| {
        let line = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
        ((line, text(&finding["severity"]), text(&finding["check"])), finding.clone())
    });
    told.collect()
}

#[test]
fn the_deployments_of_the_original_have_their_faults_and_no_others() {
    let bench = Bench::new();
    bench.image();
    let folder = top().join("fixtures/deploy");
    let engine = folder.join("engine.yaml").display().to_string();
    for name in ["libfabric", "ucx", "rebuilt", "one-device"] {
        let file = folder.join(format!("{name}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let file = file.display().to_string();
        // The image is made for LIBFABRIC: UCX in it would be another finding.
        for image in if name == "ucx" { &[false][..] } else { &[false, true] } {
            let image = *image;
            let mut words = vec!["deploy", "check", &file, &engine];
            if image {
                words.extend(["--image", "oci:layout:forged"]);
            }
            let found: BTreeSet<Told> = told(&bench, &words).into_iter().map(|(told, _)| told).collect();
            let want = expected(&text, image);
            let missing: Vec<_> = want.difference(&found).collect();
            let extra: Vec<_> = found.difference(&want).collect();
            assert!(
                missing.is_empty() && extra.is_empty(),
                "{name}, image {image}: missing {missing:?}, extra {extra:?}"
            );
            assert!(want.len() > 10);
        }
    }
}

#[test]
fn the_image_says_what_was_meant_and_what_is_lost() {
    let bench = Bench::new();
    bench.image();
    let file = top().join("fixtures/deploy/one-device.yaml").display().to_string();
    let all = told(&bench, &["deploy", "check", &file, "--image", "oci:layout:forged"]);
    let of = |check: &str, symbol: &str| {
        let found = all.iter().map(|(_, finding)| finding);
        let mut found =
            found.filter(|one| one["check"] == check && one["symbol"].as_str().unwrap().contains(symbol));
        found.next().unwrap_or_else(|| panic!("no {check} {symbol}")).clone()
    };
    assert_eq!(
        of("setting-unread", "FI_EFA_ENABLE_SHM")["evidence"]["nearest"],
        "FI_EFA_ENABLE_SHM_TRANSFER"
    );
    assert_eq!(of("setting-unread", "FI_HMEM_P2P_DISABLED")["evidence"]["nearest"], "FI_HMEM_DISABLE_P2P");
    assert_eq!(of("manifest-library-path", "LD_LIBRARY_PATH")["evidence"]["lost"], "/opt/torch/lib");
    let drift = of("manifest-env-drift", "FI_EFA_USE_DEVICE_RDMA");
    assert_eq!((&drift["evidence"]["image"], &drift["evidence"]["manifest"]), (&"1".into(), &"0".into()));
    assert!(of("manifest-start", "args")["evidence"]["user"].as_str().unwrap().starts_with("dynamo"));
}

#[test]
fn formats_gate_and_explanations_are_those_of_the_audit() {
    let bench = Bench::new();
    bench.write("bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {port: 5600}\n");
    let output = bench.run(&["deploy", "check", "bad.yaml"]);
    let text = said(&output, 1);
    assert!(text.contains("error[manifest-schema]: `data.port` must be a string and is a number"), "{text}");
    assert!(text.contains("--> bad.yaml:4\n") && text.contains("hint: put it in quotes"), "{text}");
    said(&bench.run(&["deploy", "check", "bad.yaml", "--level", "manifest-schema=note"]), 0);
    said(&bench.run(&["deploy", "check", "bad.yaml", "--level", "no-such=note"]), 2);
    said(&bench.run(&["deploy", "check", "bad.yaml", "--gate", "off"]), 0);
    for format in ["json", "sarif", "junit", "markdown"] {
        let text = said(&bench.run(&["deploy", "check", "bad.yaml", "--format", format]), 1);
        assert!(text.contains("manifest-schema"), "{format}: {text}");
    }
    let sarif = said(&bench.run(&["deploy", "check", "bad.yaml", "--format", "sarif"]), 1);
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "bad.yaml");
    assert_eq!(place["region"]["startLine"], 4);
    let explained = said(&bench.run(&["explain", "manifest-library-path"]), 0);
    assert!(explained.contains("LD_LIBRARY_PATH"), "{explained}");
    let syntax = bench.run(&["deploy", "check", "missing.yaml"]);
    assert_eq!(syntax.status.code(), Some(3));
    bench.write("twice.yaml", "a: 1\na: 2\n");
    assert!(said(&bench.run(&["deploy", "check", "twice.yaml"]), 1).contains("twice.yaml:2"));
}

#[test]
fn another_definition_takes_the_place_of_the_built_in_one() {
    let bench = Bench::new();
    let head = "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {name: x}\nspec:\n";
    bench.write("m.yaml", &format!("{head}  novelty: 1\n"));
    assert!(said(&bench.run(&["deploy", "check", "m.yaml"]), 1).contains("`spec.novelty` is no field"));
    let schema = "{type: object, properties: {apiVersion: {type: string}, kind: {type: string}, metadata: {type: object}, \
                  spec: {type: object, properties: {novelty: {type: integer}}}}}";
    bench.write(
        "crd.yaml",
        &format!(
            "kind: CustomResourceDefinition\nspec:\n  group: nvidia.com\n  names: {{kind: DynamoGraphDeployment}}\n  \
             versions:\n  - name: v1beta1\n    schema: {{openAPIV3Schema: {schema}}}\n"
        ),
    );
    said(&bench.run(&["deploy", "check", "m.yaml", "--crd", "crd.yaml"]), 0);
    said(&bench.run(&["deploy", "check", "m.yaml", "--crd", "m.yaml"]), 2);
}

#[test]
fn names_of_the_other_version_are_told() {
    let bench = Bench::new();
    let head = "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {name: x}\nspec:\n";
    bench.write(
        "m.yaml",
        &format!("{head}  envs: []\n  services: {{}}\n  components:\n  - name: a\n    replica: 2\n"),
    );
    let text = said(&bench.run(&["deploy", "check", "m.yaml"]), 1);
    for hint in
        ["`envs` is of v1alpha1; v1beta1 says `env`", "v1beta1 says `components`", "did you mean `replicas`?"]
    {
        assert!(text.contains(hint), "no {hint} in {text}");
    }
}
