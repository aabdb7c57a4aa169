//! Pulled from a registry, forged, pushed back, pulled by somebody else, and run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::services::Service;
use crate::services::place;
use crate::stage::BASE;
use crate::stage::DONOR;
use crate::stage::build;
use crate::stage::can_run;
use crate::stage::imgforge;
use crate::stage::layers;
use crate::stage::manifest;
use crate::stage::prove;
use crate::stage::real;
use crate::stage::repository;
use crate::stage::skopeo;

/// Base and donor, pushed by skopeo to repositories of their own.
fn push_fixtures(address: &str, options: &[&str]) {
    for (tag, name) in [(BASE, "base"), (DONOR, "donor")] {
        let from = format!("oci:{}:{tag}", real().display());
        let to = format!("docker://{address}/{name}:{tag}");
        skopeo(&[&["copy", "-q", "--preserve-digests"], options, &[&from, &to]].concat());
    }
}

fn mirrors(address: &str) -> [String; 2] {
    [
        format!("public.ecr.aws/v9l4g5s4/dynamo-trtllm=docker://{address}/base"),
        format!("nvcr.io/nvidia/tensorrt-llm/release=docker://{address}/donor"),
    ]
}

/// Lines of the registry's log that are requests of this kind to the result's repository.
fn requests(log: &str, method: &str, about: &str) -> usize {
    let start = format!("\"{method} /v2/forged/blobs/uploads/");
    let lines = log.lines().filter(|line| line.contains(&start));
    lines.filter(|line| line.contains(about)).count()
}

/// The bytes of the base went nowhere: the client's account and the registry's agree.
fn assert_mounted(built: &Value, log: &str, base: usize) {
    let output = &built["outputs"][0];
    let base_layers = layers(&manifest(real(), BASE));
    assert_eq!(base_layers.len(), base);
    let bytes: u64 = base_layers.iter().map(|(_, size)| size).sum();
    assert_eq!(output["bytes_mounted"].as_u64(), Some(bytes), "{output}");
    let layer = built["layer"]["size"].as_u64().unwrap();
    let sent = output["bytes_sent"].as_u64().unwrap();
    assert!(sent >= layer && sent < layer + 16_384, "{sent} sent, {layer} the new layer");
    for (digest, _) in base_layers {
        let mount = format!("mount={}", digest.replace(':', "%3A"));
        let plain = format!("mount={digest}");
        let asked = requests(log, "POST", &mount) + requests(log, "POST", &plain);
        assert!(asked > 0, "the registry was never asked to mount {digest}");
        let put = format!("digest={}", digest.replace(':', "%3A"));
        let uploads = requests(log, "PUT", &put) + requests(log, "PUT", &format!("digest={digest}"));
        assert_eq!(uploads, 0, "{digest} was uploaded");
    }
    assert_eq!(requests(log, "PUT", "digest="), 2, "one layer and one configuration");
}

/// Pulls by skopeo, checks that it is what was built, and runs it.
fn assert_runs(work: &Path, built: &Value, from: &str, options: &[&str], backend: &str, more: &[&str]) {
    let pulled = work.join(format!("pulled-{backend}"));
    let to = format!("oci:{}:x", pulled.display());
    skopeo(&[&["copy", "-q", "--preserve-digests"], options, &[from, &to]].concat());
    let index: Value = serde_json::from_slice(&fs::read(pulled.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], built["digest"]);
    prove(&pulled, "x", backend, more);
}

#[test]
fn forged_from_a_registry_and_back_uses_libfabric() {
    if !can_run(&["docker-registry", "skopeo", "umoci", "python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    prove(real(), BASE, "UCX", &[]);
    let registry = Service::registry(&work.path().join("registry"), &[]);
    let address = registry.get("address");
    push_fixtures(address, &["--dest-tls-verify=false"]);
    let log = || fs::read_to_string(work.path().join("registry/registry.log")).unwrap();
    let insecure = ["--src-tls-verify=false"];

    let tag = format!("{address}/forged:libfabric");
    let built = build(work.path(), "libfabric.toml", &mirrors(address), &["--tag", &tag, "--push"]);
    assert_mounted(&built, &log(), 5);
    let from = format!("docker://{tag}");
    assert_runs(work.path(), &built, &from, &insecure, "LIBFABRIC", &["--engine"]);

    // Everything but the new layer and configuration is there already, and the original only moves its tag.
    let tag = format!("{address}/forged:ucx");
    let built = build(work.path(), "ucx.toml", &mirrors(address), &["--tag", &tag, "--push"]);
    let sent = built["outputs"][0]["bytes_sent"].as_u64().unwrap();
    let layer = built["layer"]["size"].as_u64().unwrap();
    assert!(sent >= layer && sent < layer + 16_384, "{sent} sent, {layer} the new layer");
    assert_runs(work.path(), &built, &format!("docker://{tag}"), &insecure, "UCX", &[]);
}

/// T27 and T28 on the whole job: own CA, basic auth, an auth file as `podman login` writes it.
#[test]
fn forged_through_tls_and_basic_auth() {
    if !can_run(&["docker-registry", "skopeo", "htpasswd", "openssl", "python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    let registry = Service::registry(&work.path().join("registry"), &["--auth", "basic", "--tls"]);
    let (address, ca) = (registry.get("address"), registry.get("ca"));
    let trust = work.path().join("trust");
    fs::create_dir(&trust).unwrap();
    fs::copy(ca, trust.join("ca.crt")).unwrap();
    let trust = trust.to_str().unwrap();
    let authfile = work.path().join("auth.json");
    let authfile = authfile.to_str().unwrap();
    let (user, password) = (registry.get("user"), registry.get("password"));
    let login = ["login", "--authfile", authfile, "--cert-dir", trust];
    skopeo(&[&login[..], &["-u", user, "-p", password, address]].concat());
    push_fixtures(address, &["--authfile", authfile, "--dest-cert-dir", trust]);

    let tag = format!("{address}/forged:ucx");
    let recipe = repository("recipes/ucx.toml");
    let mirror = &mirrors(address)[0];
    let words = [
        "build",
        recipe.to_str().unwrap(),
        "--var",
        "python=3.11",
        "--mirror",
        mirror,
        "--tag",
        &tag,
        "--push",
    ];
    let cache = work.path().join("refused");
    let nobody = work.path().join("nobody.json");
    fs::write(&nobody, "{}").unwrap();
    let nobody = nobody.to_str().unwrap();
    let stranger = imgforge(&cache, &[&words[..], &["--ca-cert", ca, "--authfile", nobody]].concat());
    assert_eq!(stranger.code, Some(3), "no credentials: {}", stranger.err);
    let distrusted = imgforge(&cache, &[&words[..], &["--authfile", authfile]].concat());
    assert_eq!(distrusted.code, Some(3), "no CA: {}", distrusted.err);

    let more = ["--tag", &tag, "--push", "--ca-cert", ca, "--authfile", authfile];
    let built = build(work.path(), "libfabric.toml", &mirrors(address), &more);
    let log = fs::read_to_string(work.path().join("registry/registry.log")).unwrap();
    assert_mounted(&built, &log, 5);
    let options = ["--authfile", authfile, "--src-cert-dir", trust];
    let from = format!("docker://{tag}");
    assert_runs(work.path(), &built, &from, &options, "LIBFABRIC", &[]);
}
