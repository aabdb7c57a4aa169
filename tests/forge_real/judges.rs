//! skopeo, umoci and buildah read what was forged, in every format that is written.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::services::place;
use crate::stage::SITE;
use crate::stage::build;
use crate::stage::can_run;
use crate::stage::layout_mirrors;
use crate::stage::ran;
use crate::stage::real;
use crate::stage::run;
use crate::stage::skopeo;

/// The sha256 that the build says the wrapper library has.
fn wrapper(built: &Value) -> (String, String) {
    let path = format!("{SITE}/tensorrt_llm/libs/libtensorrt_llm_nixl_wrapper.so");
    let files = built["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["path"] == *path).unwrap();
    let digest = file["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    (path, digest.to_owned())
}

fn assert_has_wrapper(root: &Path, built: &Value) {
    let (path, digest) = wrapper(built);
    let file = root.join(path.trim_start_matches('/'));
    let said = run("sha256sum", &[file.to_str().unwrap()]);
    assert!(said.starts_with(&digest), "{said}");
    let cache = root.join(SITE.trim_start_matches('/'));
    let stale = cache.join("dynamo/nixl_connect/__pycache__/__init__.cpython-311.pyc");
    assert!(!stale.exists(), "the whiteout was not understood");
}

#[test]
fn skopeo_umoci_and_buildah_accept_every_format() {
    if !can_run(&["skopeo", "umoci", "buildah", "python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    let at = |name: &str| work.path().join(name).display().to_string();
    let outputs = [
        format!("oci:{}:v1", at("layout")),
        format!("oci-archive:{}:v1", at("oci.tar")),
        format!("docker-archive:{}:forged:v1", at("docker.tar")),
    ];
    let mut more = Vec::new();
    for output in &outputs {
        more.extend(["--output", output]);
    }
    let built = build(work.path(), "libfabric.toml", &layout_mirrors(real()), &more);
    let id = built["image_id"].as_str().unwrap();

    for output in &outputs[..2] {
        let seen: Value = serde_json::from_str(&skopeo(&["inspect", output])).unwrap();
        assert_eq!(seen["Digest"], built["digest"], "{output}");
        let copied = format!("dir:{}", at("copied"));
        skopeo(&["copy", "-q", "--preserve-digests", output, &copied]);
        let kept = run("sha256sum", &[&at("copied/manifest.json")]);
        let digest = built["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        assert!(kept.starts_with(digest), "{output}");
        fs::remove_dir_all(work.path().join("copied")).unwrap();
    }
    // As a docker-archive layers are uncompressed: what stays is the configuration, and with it the image's id.
    let config = work.path().join("config");
    fs::write(&config, skopeo(&["inspect", "--config", "--raw", &outputs[2]])).unwrap();
    let said = run("sha256sum", &[config.to_str().unwrap()]);
    assert!(said.starts_with(id.strip_prefix("sha256:").unwrap()), "{said}");
    let layout = format!("oci:{}:v1", at("from-docker"));
    skopeo(&["copy", "-q", &outputs[2], &layout]);

    for image in ["layout", "from-docker"] {
        let root = work.path().join(format!("{image}-root"));
        run("umoci", &["raw", "unpack", "--image", &format!("{}:v1", at(image)), root.to_str().unwrap()]);
        assert_has_wrapper(&root, &built);
        fs::remove_dir_all(root).unwrap();
    }
    fs::remove_dir_all(work.path().join("from-docker")).unwrap();
    buildah(work.path(), &built);
}

/// Pulls each format, looks into the last one mounted, and takes all away again.
fn buildah(work: &Path, built: &Value) {
    fs::write(work.join("policy.json"), r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
    let own = ["--storage-driver", "vfs", "--root", "b/root", "--runroot", "b/run"];
    let buildah = |words: &[&str]| {
        // It names images after their path, which must be lower-case for that: so it runs in the directory.
        let mut command = Command::new("buildah");
        ran(command.current_dir(work).args(own).args(words))
    };
    let id = built["image_id"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    for from in ["oci:layout:v1", "oci-archive:oci.tar", "docker-archive:docker.tar"] {
        let pulled = buildah(&["pull", "-q", "--signature-policy", "policy.json", from]);
        assert_eq!(pulled.trim(), id, "{from}");
        if from.starts_with("docker-archive") {
            let container = buildah(&["from", "--signature-policy", "policy.json", "--pull-never", id]);
            let root = buildah(&["mount", container.trim()]);
            assert_has_wrapper(Path::new(root.trim()), built);
            buildah(&["rm", "-a"]);
        }
        buildah(&["rmi", "-a", "-f"]);
    }
}
