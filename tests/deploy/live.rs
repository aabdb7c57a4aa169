//! What asks a cluster, against a stand-in that answers: the cluster's own definition with its rules, and lines that
//! are followed. `make cluster` asks a real API server the same.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::apiserver;
use crate::apiserver::Contents;
use crate::bench::Bench;
use crate::bench::said;

const NAME: &str = "dynamographdeployments";

/// A definition that knows less than the one that is built in, and has rules of its own.
fn definition() -> Value {
    let rules = json!([
        {"rule": "self.replicas <= 2", "message": "there are two nodes", "fieldPath": ".replicas"},
        {"rule": "!self.name.contains('-')", "message": "no dashes"},
        {"rule": "isURL(self.name)", "message": "a rule that only a server can ask"},
    ]);
    let part = json!({"type": "object", "x-kubernetes-validations": rules, "required": ["name"],
        "properties": {"name": {"type": "string"}, "replicas": {"type": "integer", "default": 1}}});
    let spec = json!({"type": "object", "properties": {"components": {"type": "array", "items": part}}});
    let object = json!({"type": "object"});
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"spec": spec, "metadata": object, "apiVersion": text, "kind": text}});
    let version =
        json!({"name": "v1beta1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let old =
        json!({"name": "v1alpha1", "served": false, "storage": false, "schema": {"openAPIV3Schema": object}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{NAME}.nvidia.com")},
        "spec": {"group": "nvidia.com", "names": {"kind": "DynamoGraphDeployment"}, "versions": [version, old]}})
}

fn serving(definition: Option<Value>) -> (tempfile::TempDir, std::path::PathBuf) {
    let mut objects = BTreeMap::new();
    let resource = json!({"name": NAME, "kind": "DynamoGraphDeployment", "namespaced": true, "singularName": "", "verbs": ["get"]});
    let list =
        json!({"kind": "APIResourceList", "groupVersion": "nvidia.com/v1beta1", "resources": [resource]});
    objects.insert("/apis/nvidia.com/v1beta1".to_owned(), list);
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}.nvidia.com");
    objects.extend(definition.map(|definition| (path, definition)));
    apiserver::serve(Contents { objects, ..Contents::default() })
}

/// Check, line and message of each finding, in their order.
fn told(bench: &Bench, words: &[&str], code: i32) -> Vec<(String, u64, String)> {
    let output = bench.run(&[&["deploy", "check", "m.yaml", "--format", "json"], words].concat());
    let report: Value = serde_json::from_str(&said(&output, code)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |finding: &Value| {
        (text(&finding["check"]), finding["line"].as_u64().unwrap(), text(&finding["message"]))
    };
    findings
        .map(one)
        .filter(|(check, ..)| check.starts_with("manifest-rule") || check == "manifest-schema")
        .collect()
}

const HEAD: &str = "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata:\n  name: x\nspec:\n  components:\n";

#[test]
fn the_definition_of_the_cluster_is_asked_for_and_its_rules_are_evaluated() {
    let (_place, file) = serving(Some(definition()));
    let file = file.to_str().unwrap();
    let bench = Bench::new();
    bench.write("m.yaml", &format!("{HEAD}  - name: a-b\n    replicas: 3\n"));
    assert_eq!(told(&bench, &[], 0), [], "what is built in has no such rules");
    let unknown = |said: &(String, u64, String)| said.0 == "manifest-rule-unchecked";
    for words in [
        &["--live", "--kubeconfig", file][..],
        &["--kubeconfig", file],
        &["--kubeconfig", file, "--kube-context", "here"],
    ] {
        let (notes, broken): (Vec<_>, Vec<_>) = told(&bench, words, 1).into_iter().partition(unknown);
        let rule = |line, said: &str| ("manifest-rule".to_owned(), line, said.to_owned());
        let field = "`spec.components[a-b]";
        let want = [
            rule(7, &format!("{field}`: no dashes")),
            rule(8, &format!("{field}.replicas`: there are two nodes")),
        ];
        assert_eq!(broken, want);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].2.contains("a rule that only a server can ask") && notes[0].2.contains("isURL"),
            "{notes:?}"
        );
    }
    bench.write("m.yaml", &format!("{HEAD}  - name: a\n    shared: 3\n"));
    let found = told(&bench, &["--kubeconfig", file], 1);
    assert_eq!(
        found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(),
        ["manifest-schema", "manifest-rule-unchecked"]
    );
    bench.write("m.yaml", &format!("{}  - name: a\n", HEAD.replace("v1beta1", "v1alpha1")));
    let found = told(&bench, &["--kubeconfig", file], 1);
    assert!(found[0].2.contains("no version `nvidia.com/v1alpha1`"), "one that is not served: {found:?}");
}

#[test]
fn a_cluster_without_the_operator_is_told() {
    let (_place, file) = serving(None);
    let bench = Bench::new();
    bench.write("m.yaml", &format!("{HEAD}  - name: a\n"));
    let output = bench.run(&["deploy", "check", "m.yaml", "--kubeconfig", file.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("does not know DynamoGraphDeployment") && error.contains("operator"), "{error}");
}

fn followed(pieces: &[(&str, &[(u64, &str)])]) -> (tempfile::TempDir, std::path::PathBuf) {
    let pods = "/api/v1/namespaces/ns/pods";
    let pod = |name: &str| {
        json!({"metadata": {"name": name, "labels": {"nvidia.com/dynamo-graph-deployment-name": "x"}},
            "spec": {"containers": [{"name": "main", "image": "x"}]}})
    };
    let items: Vec<Value> = pieces.iter().map(|(name, _)| pod(name)).collect();
    let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items});
    let lines =
        |pieces: &[(u64, &str)]| pieces.iter().map(|(wait, text)| (*wait, (*text).to_owned())).collect();
    let logs = pieces.iter().map(|(name, pieces)| (format!("{pods}/{name}"), lines(pieces))).collect();
    apiserver::serve(Contents { objects: [(pods.to_owned(), list)].into(), logs, ..Contents::default() })
}

fn logs(file: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    command.args(["deploy", "logs", "x", "--kubeconfig"]).arg(file).args(words).env_clear();
    command
}

/// The second line comes a second after the first, in two pieces: it is printed when it is whole, and the first one
/// before that.
#[test]
fn lines_are_followed_as_they_come() {
    let pieces: [(&str, &[(u64, &str)]); 2] =
        [("a", &[(0, "first\n"), (1000, "sec"), (100, "ond\n"), (0, "no end")]), ("b", &[(0, "other\n")])];
    let (_place, file) = followed(&pieces);
    let begin = Instant::now();
    let mut child = logs(&file, &["--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen: Vec<(String, Duration)> = lines.map(|line| (line.unwrap(), begin.elapsed())).collect();
    assert!(child.wait().unwrap().success());
    let at = |wanted: &str| {
        seen.iter().find(|(line, _)| line == wanted).unwrap_or_else(|| panic!("{wanted}: {seen:?}")).1
    };
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(at("a: second") >= at("a: first") + Duration::from_millis(900), "{seen:?}");
    assert!(at("b: other") < at("a: second") && at("a: no end") >= at("a: second"), "{seen:?}");
    let once = logs(&file, &["--pod", "a"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&once.stdout), "a: first\na: second\na: no end\n");
}

/// `imgforge deploy logs --follow | head -1`: it ends when nobody reads, and says nothing.
#[test]
fn following_ends_when_nobody_reads() {
    let pieces: Vec<(u64, &str)> =
        std::iter::once((0, "first\n")).chain((0..100).map(|_| (20, "more\n"))).collect();
    let (_place, file) = followed(&[("a", &pieces)]);
    let begin = Instant::now();
    let mut child = logs(&file, &["--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "a: first\n");
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    assert!(begin.elapsed() < Duration::from_millis(1900), "it did not wait for the last line");
}
