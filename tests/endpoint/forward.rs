//! What runs on a cluster is asked through it: which pod, on which port, and why not.

use std::path::Path;
use std::sync::atomic::AtomicUsize;

use serde_json::Value;
use serde_json::json;

use crate::apiserver;
use crate::apiserver::Contents;
use crate::apiserver::Inside;
use crate::model::well;
use crate::program::Ended;
use crate::program::run;
use crate::script::serve;

const PODS: &str = "/api/v1/namespaces/ns/pods";
const SERVICES: &str = "/api/v1/namespaces/ns/services";
const GRAPHS: &str = "/apis/nvidia.com/v1beta1/namespaces/ns/dynamographdeployments";

fn pod(name: &str, labels: &Value, ready: bool) -> Value {
    let status = match ready {
        true => json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        false => {
            json!({"phase": "Pending", "containerStatuses": [{"name": "main", "image": "x", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]})
        }
    };
    let ports = json!([{"name": "metrics", "containerPort": 9090}, {"name": "http", "containerPort": 8000}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "x", "ports": ports}]}, "status": status})
}

fn service(name: &str, ports: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": "front"}, "ports": ports}})
}

/// A cluster with one deployment that is well, one that is not, and what is around them.
fn cluster(inside: Inside) -> Contents {
    let graph = "nvidia.com/dynamo-graph-deployment-name";
    let kind = "nvidia.com/dynamo-component-type";
    let pods = [
        pod("qwen-decode-0", &json!({graph: "qwen", kind: "worker"}), true),
        pod("qwen-frontend-0", &json!({graph: "qwen", kind: "frontend", "app": "front"}), true),
        pod("late-frontend-0", &json!({graph: "late", kind: "frontend"}), false),
    ];
    let mut objects = std::collections::BTreeMap::new();
    let resource = json!({"name": "dynamographdeployments", "kind": "DynamoGraphDeployment", "namespaced": true,
        "singularName": "", "verbs": ["get"]});
    let list =
        json!({"kind": "APIResourceList", "groupVersion": "nvidia.com/v1beta1", "resources": [resource]});
    objects.insert("/apis/nvidia.com/v1beta1".to_owned(), list);
    for name in ["qwen", "late"] {
        let graph = json!({"apiVersion": "nvidia.com/v1beta1", "kind": "DynamoGraphDeployment",
            "metadata": {"name": name, "namespace": "ns"}, "spec": {}});
        objects.insert(format!("{GRAPHS}/{name}"), graph);
    }
    for one in &pods {
        objects.insert(format!("{PODS}/{}", one["metadata"]["name"].as_str().unwrap()), one.clone());
    }
    objects.insert(
        PODS.to_owned(),
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}),
    );
    let two = json!([{"name": "a", "port": 1}, {"name": "b", "port": 80, "targetPort": "http"}]);
    for (name, ports) in [("front", json!([{"port": 80, "targetPort": "http"}])), ("two", two)] {
        objects.insert(format!("{SERVICES}/{name}"), service(name, &ports));
    }
    let denied = json!({"kind": "Status", "code": 403, "status": "Failure", "reason": "Forbidden",
        "message": "pods/portforward is forbidden"});
    objects.insert(format!("{PODS}/qwen-decode-0/portforward"), denied);
    let inside = [((format!("{PODS}/qwen-frontend-0"), 8000), inside)].into();
    Contents { objects, inside, opened: AtomicUsize::new(0), ..Contents::default() }
}

/// The cluster in front of a server that is well, which refuses after so many connections.
fn well_behind(most: usize) -> (tempfile::TempDir, std::path::PathBuf) {
    let url = serve(|ask| well(ask, &["Paris", " grüße"], 2, 1));
    let address = url.trim_start_matches("http://").parse().unwrap();
    apiserver::serve(cluster(Inside { address, most }))
}

fn ask(kubeconfig: &Path, words: &[&str]) -> Ended {
    let file = kubeconfig.to_str().unwrap();
    run(&[words, &["--kubeconfig", file, "--timeout", "5s"]].concat())
}

#[test]
fn what_runs_on_a_cluster_is_asked_by_its_name() {
    let (_place, file) = well_behind(usize::MAX);
    for subject in
        ["deploy/qwen", "svc/front", "svc/two:80", "pod/qwen-frontend-0", "pod/qwen-frontend-0:8000"]
    {
        let ended = ask(&file, &["smoke", subject, "--format", "json"]);
        let report = ended.json();
        assert_eq!((ended.code, &report["ok"]), (Some(0), &Value::Bool(true)), "{ended:?}");
        assert_eq!(report["url"], format!("{subject} (port 8000 of pod ns/qwen-frontend-0)"));
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_benchmark_goes_through_the_cluster() {
    let (_place, file) = well_behind(usize::MAX);
    let words = ["bench", "deploy/qwen", "--requests", "12", "--concurrency", "3", "--format", "json"];
    let ended = ask(&file, &[&words[..], &["--progress", "none"]].concat());
    let report = ended.json();
    assert_eq!((ended.code, &report["requests"]["ok"]), (Some(0), &json!(12)), "{ended:?}");
    assert_eq!(report["tokens"]["output"], json!(24), "{ended:?}");
}

#[test]
fn each_reason_that_there_is_no_way_has_its_words() {
    let (_place, file) = well_behind(usize::MAX);
    for (subject, more, said, hint) in [
        ("deploy/none", &[][..], "there is no DynamoGraphDeployment `none` in namespace `ns`", "--namespace"),
        (
            "deploy/late",
            &[],
            "no pod of the frontend of DynamoGraphDeployment `late` in namespace `ns` is ready: \
            `late-frontend-0` is Pending, ImagePullBackOff",
            "deploy status",
        ),
        ("svc/none", &[], "there is no Service `none`", "--namespace"),
        ("svc/two", &[], "which port of Service `two` is meant: 1, 80", "svc/NAME:PORT"),
        ("svc/front:5", &[], "which port of Service `front` is meant: 80", "svc/NAME:PORT"),
        ("pod/late-frontend-0", &[], "`late-frontend-0` is Pending", "deploy status"),
        (
            "pod/qwen-frontend-0:9",
            &[],
            "no way to port 9 of pod `qwen-frontend-0`: error forwarding port 9 to pod \
            qwen-frontend-0, uid : connect: connection refused",
            "deploy logs",
        ),
        ("pod/qwen-decode-0", &[], "access to port 8000 of pod `qwen-decode-0` is denied", "--context"),
        ("deploy/qwen", &["--context", "elsewhere"], "no cluster is known", "--context"),
        (
            "deploy/qwen",
            &["--namespace", "other"],
            "there is no DynamoGraphDeployment `qwen` in namespace `other`",
            "--namespace",
        ),
    ] {
        for command in ["smoke", "bench"] {
            let ended = ask(&file, &[&[command, subject], more].concat());
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
            assert!(
                ended.stderr.contains(said) && ended.stderr.contains(hint),
                "{subject}: {}",
                ended.stderr
            );
        }
    }
    for subject in ["deploy/Qwen", "pod/", "svc/front:http"] {
        let ended = ask(&file, &["smoke", subject]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("can be no name") && ended.stderr.contains("small letters"),
            "{ended:?}"
        );
    }
    let ended = ask(&file, &["smoke", "http://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--kubeconfig is for what runs on a cluster"), "{ended:?}");
}

#[test]
fn what_the_cluster_has_against_a_connection_is_told() {
    // One to see that there is a way, and one for the first question.
    let (_place, file) = well_behind(2);
    let ended = ask(&file, &["smoke", "deploy/qwen", "--format", "json"]);
    let report = ended.json();
    assert_eq!((ended.code, &report["ok"]), (Some(1), &Value::Bool(false)), "{ended:?}");
    let kinds: Vec<&Value> = report["steps"].as_array().unwrap().iter().map(|step| &step["kind"]).collect();
    assert_eq!(kinds[..2], [&Value::Null, &json!("closed")], "{kinds:?}");
    assert!(
        ended.stderr.contains("on the way through the cluster: error forwarding port 8000"),
        "{}",
        ended.stderr
    );
}
