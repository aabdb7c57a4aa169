//! The forged image beside what `docker build` makes of the equivalent Dockerfile on the same base: file by file,
//! and the whole configuration. What differs is listed here with its reason, and nothing else may.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

use crate::services::Service;
use crate::services::place;
use crate::stage::BASE;
use crate::stage::DONOR;
use crate::stage::SITE;
use crate::stage::blob;
use crate::stage::build;
use crate::stage::can_run;
use crate::stage::layout_mirrors;
use crate::stage::manifest;
use crate::stage::mini;
use crate::stage::ran;
use crate::stage::repository;
use crate::stage::skopeo;

/// Every difference that is meant: what is printed about it, and why it is so.
fn expected() -> BTreeMap<String, &'static str> {
    let backup = "the Dockerfile keeps a copy of what it replaces; nobody wants it in an image";
    let stale = "the source was patched: imgforge takes the compiled file away, Docker compiles as root";
    let record = "imgforge keeps the wheel's list of files and sums true; the Dockerfile leaves it false";
    let package = format!("{SITE}/tensorrt_llm");
    let names = [
        "tensorrt_llm",
        "tensorrt_llm_nixl_wrapper",
        "tensorrt_llm_ucx_wrapper",
        "th_common",
        "nvinfer_plugin_tensorrt_llm",
        "decoder_attention_0",
        "decoder_attention_1",
        "pg_utils",
    ];
    let mut list: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        list.insert(format!("only A   {package}/libs/lib{name}.so.rc4.bak"), backup);
    }
    for path in [
        "tensorrt_llm/bindings.cpython-311-x86_64-linux-gnu.so",
        "tensorrt_llm/_torch/modules/qk_norm_attention.py",
        "dynamo/nixl_connect/__init__.py",
    ] {
        list.insert(format!("only A   {SITE}/{path}.rc4.bak"), backup);
    }
    for path in [
        "tensorrt_llm/_torch/modules/__pycache__/qk_norm_attention.cpython-311.pyc",
        "dynamo/nixl_connect/__pycache__/__init__.cpython-311.pyc",
    ] {
        list.insert(format!("only A   {SITE}/{path}"), stale);
    }
    for name in ["tensorrt_llm-1.2.0rc4", "ai_dynamo_runtime-0.7.0.post1"] {
        list.insert(format!("differs  {SITE}/{name}.dist-info/RECORD: size, content"), record);
    }
    list
}

/// A line of compare_trees.py without the values of a file's facts: `differs  /path: size, content`.
fn kind(line: &str) -> String {
    match line.split_once(": ") {
        Some((path, facts)) => {
            let names = facts.split(", ").map(|fact| fact.split(' ').next().unwrap());
            format!("{path}: {}", names.collect::<Vec<_>>().join(", "))
        }
        None => line.to_owned(),
    }
}

fn assert_same_files(classic: &Path, forged: &Path) {
    let mut command = Command::new(repository("fixtures/compare_trees.py"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let done = command
        .arg(format!("oci:{}:x", classic.display()))
        .arg(format!("oci:{}:x", forged.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{text}{error}");
    let (expected, found) = (expected(), text.lines().map(kind).collect::<Vec<_>>());
    for line in &found {
        assert!(expected.contains_key(line), "nobody asked for this: {line}\n{text}");
    }
    for (line, why) in &expected {
        assert!(found.contains(line), "missing: {line} ({why})\n{text}");
    }
}

/// The configuration of a layout's image, the order of variables aside.
fn config(layout: &Path) -> Value {
    let config = blob(layout, manifest(layout, "x")["config"]["digest"].as_str().unwrap());
    let mut config = config["config"].clone();
    let env = config["Env"].as_array().unwrap().iter();
    let mut env: Vec<String> = env.map(|pair| pair.as_str().unwrap().to_owned()).collect();
    env.sort();
    config["Env"] = json!(env);
    config
}

/// What Docker's classic builder does to a configuration besides what it is told.
fn assert_same_config(classic: &Path, forged: &Path, base: &Value) {
    let (mut docker, ours) = (config(classic), config(forged));
    let (had, has) = (ours.as_object().unwrap(), docker.as_object_mut().unwrap());
    for name in ["Healthcheck", "Shell"] {
        // skopeo writes OCI, whose configuration has no such field: ours are the base's, untouched
        assert!(!has.contains_key(name), "no reason to put {name} aside");
        assert_eq!(had[name], base["config"][name]);
        has.insert(name.to_owned(), had[name].clone());
    }
    assert_eq!(docker, ours);
}

#[test]
fn docker_build_of_the_equivalent_dockerfile_differs_where_asked_only() {
    if !can_run(&["dockerd", "docker", "skopeo", "g++"]) {
        return;
    }
    let work = place();
    let docker = Service::docker(&work.path().join("d"));
    let host = docker.get("host");
    for (tag, name) in [(BASE, "base"), (DONOR, "donor")] {
        let from = format!("oci:{}:{tag}", mini().display());
        let to = format!("docker-daemon:mini:{name}");
        skopeo(&["copy", "-q", "--dest-daemon-host", host, &from, &to]);
    }
    let mut classic = Command::new("docker");
    classic.env("DOCKER_BUILDKIT", "0").args(["--host", host, "build", "-q", "--network", "none"]);
    for pair in ["BASE=mini:base", "DONOR=mini:donor", "PYTHON=3.11"] {
        classic.args(["--build-arg", pair]);
    }
    ran(classic.args(["-t", "classic:x"]).arg(repository("fixtures/mini/equivalent")));
    let (classic, forged) = (work.path().join("classic"), work.path().join("forged"));
    let to = format!("oci:{}:x", classic.display());
    skopeo(&["copy", "-q", "--src-daemon-host", host, "docker-daemon:classic:x", &to]);
    let output = format!("oci:{}:x", forged.display());
    let built = build(work.path(), "libfabric.toml", &layout_mirrors(mini()), &["--output", &output]);

    assert_same_files(&classic, &forged);
    let base = manifest(mini(), BASE);
    let config = blob(mini(), base["config"]["digest"].as_str().unwrap());
    assert_same_config(&classic, &forged, &config);
    assert_sizes(&classic, &built, base["layers"].as_array().unwrap().len());
}

/// One layer about as big as what it replaces; the Dockerfile's hold every library three times.
fn assert_sizes(classic: &Path, built: &Value, base: usize) {
    let changed = |file: &&Value| file["identical"] == false;
    let files = built["files"].as_array().unwrap().iter().filter(changed);
    let sum: u64 = files.map(|file| file["size"].as_u64().unwrap()).sum();
    let tar = built["layer"]["tar_size"].as_u64().unwrap();
    assert!(tar > sum && tar < sum + 65_536, "{tar} for files of {sum}");
    let theirs = manifest(classic, "x");
    let compressed: u64 = theirs["layers"].as_array().unwrap()[base..]
        .iter()
        .map(|layer| layer["size"].as_u64().unwrap())
        .sum();
    let ours = built["layer"]["size"].as_u64().unwrap();
    assert!(compressed > 2 * ours, "{compressed} against {ours}");
}
