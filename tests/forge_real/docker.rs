//! A real Docker engine takes the result: as a file, over its socket, in full and the new layers alone; T1 on
//! its overlay2.

use std::path::Path;

use serde_json::Value;

use crate::services::Service;
use crate::services::place;
use crate::stage::BASE;
use crate::stage::build;
use crate::stage::can_run;
use crate::stage::layers;
use crate::stage::layout_mirrors;
use crate::stage::manifest;
use crate::stage::mini;
use crate::stage::real;
use crate::stage::skopeo;

/// What `docker run` says, in a container with no network.
fn inside(docker: &Service, image: &str, script: &str) -> String {
    let words = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/bash"];
    docker.client(&[&words[..], &[image, "-ec", script]].concat())
}

/// `--load`: what was sent, when the engine says afterwards that it has exactly this image.
fn load(docker: &Service, work: &Path, layout: &Path, name: &str) -> (Value, u64) {
    let more = ["--load", "--tag", name, "--docker-host", docker.get("host")];
    let built = build(work, "libfabric.toml", &layout_mirrors(layout), &more);
    let seen = docker.client(&["image", "inspect", "--format", "{{.Id}}", name]);
    assert_eq!(Value::from(seen.trim()), built["image_id"]);
    let sent = built["outputs"][0]["bytes_sent"].as_u64().unwrap();
    (built, sent)
}

#[test]
fn docker_takes_the_result() {
    if !can_run(&["dockerd", "docker", "skopeo", "python3.11", "g++", "dpkg-deb"]) {
        return;
    }
    let work = place();
    let docker = Service::docker(&work.path().join("d"));
    let base: u64 = layers(&manifest(real(), BASE)).iter().map(|(_, size)| size).sum();

    // N11: nothing there, everything is sent; the base there, only the new layer.
    let (_, all) = load(&docker, work.path(), real(), "forged:full");
    assert!(all > base, "{all} of {base} sent");
    docker.client(&["image", "rm", "forged:full"]);
    let from = format!("oci:{}:{BASE}", real().display());
    let to = "docker-daemon:real:base";
    skopeo(&["copy", "-q", "--dest-daemon-host", docker.get("host"), &from, to]);
    let (built, sent) = load(&docker, work.path(), real(), "forged:new");
    let layer = built["layer"]["size"].as_u64().unwrap();
    assert!(sent >= layer && sent < layer + 32_768, "{sent} sent, the layer has {layer}");

    let said = inside(
        &docker,
        "forged:new",
        "id -u; id -g; echo $NIXL_BACKEND; cat /opt/dynamo/venv/lib/python3.11/site-packages/dynamo/nixl_connect/__init__.py",
    );
    assert!(said.starts_with("1000\n0\nLIBFABRIC\n"), "{said}");
    assert!(said.contains("NIXL_BACKEND"), "the patch");
    docker.client(&["image", "rm", "-f", "forged:new", "real:base"]);

    // The combined archive, by Docker's own client.
    let archive = work.path().join("forged.tar");
    let output = format!("docker-archive:{}:forged:file", archive.display());
    let built = build(work.path(), "libfabric.toml", &layout_mirrors(real()), &["--output", &output]);
    docker.client(&["load", "-i", archive.to_str().unwrap()]);
    let seen = docker.client(&["image", "inspect", "--format", "{{.Id}}", "forged:file"]);
    assert_eq!(Value::from(seen.trim()), built["image_id"]);
    inside(&docker, "forged:file", "python3 -c 'import dynamo.nixl_connect' 2>&1 | tail -n 1");
    docker.client(&["image", "rm", "-f", "forged:file"]);

    t1_parents_keep_owner_and_mode(&docker, work.path());
}

/// T1: the new layer has entries for its parent directories, with the base's own metadata, or overlay2 makes
/// them root's. Seen in a running container, beside the same directories of the base.
fn t1_parents_keep_owner_and_mode(docker: &Service, work: &Path) {
    let from = format!("oci:{}:{BASE}", mini().display());
    skopeo(&["copy", "-q", "--dest-daemon-host", docker.get("host"), &from, "docker-daemon:mini:base"]);
    let (_, sent) = load(docker, work, mini(), "mini:forged");
    assert!(sent < 100_000, "only the new layer: {sent}");
    let look = "stat -c '%u:%g %04a %n' /opt /opt/dynamo /opt/dynamo/venv /opt/dynamo/venv/lib \
                /opt/dynamo/venv/lib/python3.11/site-packages \
                /opt/dynamo/venv/lib/python3.11/site-packages/tensorrt_llm/libs /workspace /tmp";
    let (before, after) = (inside(docker, "mini:base", look), inside(docker, "mini:forged", look));
    assert_eq!(after, before);
    for line in
        ["0:0 0755 /opt\n", "1000:0 0775 /opt/dynamo\n", "1000:0 2775 /workspace\n", "0:0 1777 /tmp\n"]
    {
        assert!(after.contains(line), "{line:?} in {after}");
    }
    // and the user of the image can write there, as in the base
    let user = ": > /opt/dynamo/venv/lib/python3.11/site-packages/tensorrt_llm/libs/written && id -u";
    assert_eq!(inside(docker, "mini:forged", user), "1000\n");
}
