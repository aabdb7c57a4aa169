//! Docker takes the result, and a `docker build` of the same job gives the same tree but for what nobody wants.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::rig::BASE;
use crate::rig::DONOR;
use crate::rig::Service;
use crate::rig::build;
use crate::rig::command;
use crate::rig::images;
use crate::rig::run;
use crate::rig::scratch;
use crate::rig::top;

fn docker(daemon: &Service) -> Command {
    let mut docker = command("docker");
    docker.env("DOCKER_HOST", daemon.get("host")).env("DOCKER_BUILDKIT", "0");
    docker
}

/// Differences that the recipe asks for or that only the Dockerfile makes, each with its reason. Nothing else may differ.
const EXPECTED: [(&str, &str); 8] = [
    (".rc4.bak", "the Dockerfile keeps a copy of every file it replaces"),
    ("tensorrt_llm-1.2.0rc4.dist-info/RECORD", "imgforge keeps the wheel's RECORD true"),
    ("ai_dynamo_runtime-0.7.0.post1.dist-info/RECORD", "imgforge keeps the wheel's RECORD true"),
    ("__pycache__/qk_norm_attention", "imgforge takes stale byte code away, the Dockerfile compiles as root"),
    ("nixl_connect/__pycache__/", "imgforge takes stale byte code away, the Dockerfile compiles as root"),
    ("/var/cache/ldconfig", "the Dockerfile runs ldconfig"),
    ("/etc/ld.so.cache", "the Dockerfile runs ldconfig"),
    ("libs/nixl/plugins/libplugin_LIBFABRIC.so", "new: the donor's owner, as the recipe says nothing else"),
];

#[test]
fn docker_loads_only_what_it_lacks_and_builds_nothing_else() {
    let work = scratch("docker");
    let daemon = Service::start("dockerd", &work, &[]);
    for tag in [BASE, DONOR] {
        let archive = work.join("load.tar");
        let from = format!("oci:{}:{tag}", images().display());
        run(command("skopeo").args([
            "copy",
            "-q",
            &from,
            &format!("docker-archive:{}:real:{tag}", archive.display()),
        ]));
        run(docker(&daemon).args(["load", "-q", "-i"]).arg(&archive));
        fs::remove_file(archive).unwrap();
    }
    loads_the_new_layer_only(&daemon, &work);
    keeps_the_parents(&daemon);
    compare(&daemon, &work);
}

fn loads_the_new_layer_only(daemon: &Service, work: &Path) {
    let host = format!("--docker-host={}", daemon.get("host"));
    let built = build("recipes/libfabric.toml", work, &["--load", "--tag=forged:libfabric", &host]);
    let sent = built["outputs"][0]["bytes_sent"].as_u64().unwrap();
    assert!(sent < built["layer"]["size"].as_u64().unwrap() + 64_000, "{}", built["outputs"]);
    let id = run(docker(daemon).args(["image", "inspect", "--format", "{{.Id}}", "forged:libfabric"]));
    assert_eq!(id.trim(), built["image_id"].as_str().unwrap());
    let said =
        run(docker(daemon).args(["run", "--rm", "--network", "none", "forged:libfabric", "/usr/bin/env"]));
    assert!(said.contains("NIXL_BACKEND=LIBFABRIC"), "{said}");
}

/// T1: on overlay2 a layer without parent entries would make these root's (moby#44956).
fn keeps_the_parents(daemon: &Service) {
    let listing = |image: &str| {
        let mut stat = docker(daemon);
        stat.args([
            "run",
            "--rm",
            "--network",
            "none",
            "--user",
            "0",
            "--entrypoint",
            "/usr/bin/stat",
            image,
            "-c",
            "%n %u:%g %a",
        ]);
        run(stat.args([
            "/opt",
            "/opt/dynamo",
            "/opt/dynamo/venv",
            "/opt/dynamo/venv/lib/python3.11/site-packages/tensorrt_llm/libs",
        ]))
    };
    let (before, after) = (listing(&format!("real:{BASE}")), listing("forged:libfabric"));
    assert!(before.contains("/opt/dynamo 1000:0 775"), "{before}");
    assert_eq!(before, after);
}

fn compare(daemon: &Service, work: &Path) {
    let context = top().join("fixtures/mini/equivalent");
    let mut classic = docker(daemon);
    classic.args(["build", "-q", "--network", "none", "-t", "classic:v1", "--build-arg", "PYTHON=3.11"]);
    classic.args([
        "--build-arg",
        &format!("BASE=real:{BASE}"),
        "--build-arg",
        &format!("DONOR=real:{DONOR}"),
    ]);
    run(classic.arg(context));
    let mut trees = Vec::new();
    for image in ["forged:libfabric", "classic:v1"] {
        let tree = work.join(image.replace(':', "-"));
        fs::create_dir_all(&tree).unwrap();
        let id = run(docker(daemon).args(["create", image, "/bin/true"]));
        let tar = work.join("export.tar");
        run(docker(daemon).args(["export", "-o"]).arg(&tar).arg(id.trim()));
        run(command("tar")
            .args(["-xpf"])
            .arg(&tar)
            .arg("-C")
            .arg(&tree)
            .args(["--numeric-owner", "--xattrs"]));
        fs::remove_file(tar).unwrap();
        trees.push(tree);
    }
    let output = command(top().join("fixtures/compare_trees.py")).args(&trees).output().unwrap();
    assert!(output.status.code() == Some(1), "{}", crate::rig::said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let unexpected: Vec<&str> =
        text.lines().filter(|line| !EXPECTED.iter().any(|(part, _)| line.contains(part))).collect();
    assert_eq!(unexpected, [""; 0], "all differences:\n{text}");
}
