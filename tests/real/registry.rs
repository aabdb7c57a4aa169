//! Forged from a registry and pushed back to it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::rig::BASE;
use crate::rig::DONOR;
use crate::rig::Service;
use crate::rig::command;
use crate::rig::images;
use crate::rig::imgforge;
use crate::rig::prove;
use crate::rig::run;
use crate::rig::scratch;

/// Puts both images of the layout into a registry.
fn fill(address: &str, options: &[&str]) {
    for (tag, repository) in [(BASE, "dynamo-trtllm"), (DONOR, "tensorrt-llm/release")] {
        let from = format!("oci:{}:{tag}", images().display());
        let to = format!("docker://{address}/{repository}:{tag}");
        run(command("skopeo").args(["copy", "-q"]).args(options).args([from, to]));
    }
}

/// Builds from the registry and pushes back to another repository of it.
fn forge(recipe: &str, address: &str, work: &Path, options: &[&str]) -> Value {
    let metadata = work.join("metadata.json");
    let mut build = imgforge();
    build.args(["build", recipe, "--var", "python=3.11", "--push"]).arg("--metadata-file").arg(&metadata);
    build.args(["--tag", &format!("{address}/forged:{{name}}")]);
    for (host, repository) in [
        ("public.ecr.aws/v9l4g5s4/dynamo-trtllm", "dynamo-trtllm"),
        ("nvcr.io/nvidia/tensorrt-llm/release", "tensorrt-llm/release"),
    ] {
        build.args(["--mirror", &format!("{host}=docker://{address}/{repository}")]);
    }
    run(build.args(options));
    serde_json::from_slice(&fs::read(metadata).unwrap()).unwrap()
}

fn pull(address: &str, tag: &str, work: &Path) -> String {
    let image = format!("{}:{tag}", work.join("pulled").display());
    let from = format!("docker://{address}/forged:{tag}");
    run(command("skopeo").args(["copy", "-q", "--src-tls-verify=false", &from, &format!("oci:{image}")]));
    image
}

/// Only the new layer and the configuration are sent; in a repository that has nothing yet, the base is mounted.
fn sent_little(built: &Value, mounted: bool) {
    let output = &built["outputs"][0];
    let layer = built["layer"]["size"].as_u64().unwrap_or(0);
    let sent = output["bytes_sent"].as_u64().unwrap();
    assert!(sent <= layer + 64_000, "{output}");
    assert_eq!(output["bytes_mounted"].as_u64().unwrap() > 50_000_000, mounted, "{output}");
}

/// Both recipes, from Debian's registry and back: the unforged base uses UCX whatever it is told.
#[test]
fn forged_from_a_registry_and_pushed_back() {
    let work = scratch("registry");
    let registry = Service::start("registry", &work, &[]);
    let address = registry.get("address");
    fill(address, &["--dest-tls-verify=false"]);
    let base = format!("{}:{BASE}", images().display());
    prove(&base, "UCX", &["--env", "NIXL_BACKEND=LIBFABRIC"]);

    sent_little(&forge("recipes/libfabric.toml", address, &work, &[]), true);
    let forged = pull(address, "dynamo-trtllm-libfabric", &work);
    prove(&forged, "LIBFABRIC", &["--engine"]);

    sent_little(&forge("recipes/ucx.toml", address, &work, &[]), false);
    let forged = pull(address, "dynamo-trtllm-ucx", &work);
    prove(&forged, "UCX", &[]);

    // Once more: everything is there, nothing is sent.
    let again = forge("recipes/libfabric.toml", address, &work, &[]);
    assert_eq!(again["outputs"][0]["bytes_sent"], 0, "{}", again["outputs"]);
}

/// A registry with a password and a certificate of its own: the digest is the same as from a layout.
#[test]
fn forged_from_a_registry_with_a_lock_on_it() {
    let work = scratch("locked-registry");
    let registry = Service::start("registry", &work, &["--auth", "basic", "--tls"]);
    let address = registry.get("address");
    let (user, password) = (registry.get("user"), registry.get("password"));
    let trust = work.join("trust");
    fs::create_dir_all(&trust).unwrap();
    fs::copy(registry.get("ca"), trust.join("ca.crt")).unwrap();
    let credentials = format!("{user}:{password}");
    fill(address, &["--dest-cert-dir", trust.to_str().unwrap(), "--dest-creds", &credentials]);

    let authfile = work.join("auth.json");
    let file = authfile.to_str().unwrap();
    let mut login = command("skopeo");
    login.args(["login", "--authfile", file, "--cert-dir", trust.to_str().unwrap()]);
    run(login.args(["--username", user, "--password", password, address]));
    let options = ["--authfile", file, "--ca-cert", registry.get("ca")];
    let built = forge("recipes/libfabric.toml", address, &work, &options);
    sent_little(&built, true);
    let from_layout = crate::rig::build(
        "recipes/libfabric.toml",
        &work,
        &[&format!("--output=oci:{}:x", work.join("o").display())],
    );
    assert_eq!(built["digest"], from_layout["digest"]);
}
