//! Other people's tools take what imgforge writes, in every format.

use crate::rig::build;
use crate::rig::command;
use crate::rig::run;
use crate::rig::scratch;

#[test]
fn skopeo_umoci_and_buildah_take_the_output() {
    let work = scratch("judges");
    let path = |name: &str| work.join(name).display().to_string();
    let outputs = [
        format!("--output=oci:{}:v1", path("layout")),
        format!("--output=oci-archive:{}:v1", path("oci.tar")),
        format!("--output=docker-archive:{}:forged:v1", path("docker.tar")),
    ];
    let built = build("recipes/libfabric.toml", &work, &outputs.each_ref().map(String::as_str));
    let digest = built["digest"].as_str().unwrap();

    let layout = format!("oci:{}:v1", path("layout"));
    let shown = run(command("skopeo").args(["inspect", &layout]));
    assert!(shown.contains(digest), "{shown}");
    for archive in
        [format!("oci-archive:{}", path("oci.tar")), format!("docker-archive:{}", path("docker.tar"))]
    {
        run(command("skopeo").args(["inspect", &archive]));
        let copy = format!("oci:{}:copy", path("copy"));
        run(command("skopeo").args(["copy", "-q", &archive, &copy]));
    }
    run(command("umoci").args([
        "raw",
        "unpack",
        "--image",
        &format!("{}:v1", path("layout")),
        &path("unpacked"),
    ]));
    assert!(work.join("unpacked/opt/dynamo/venv").is_dir());
    std::fs::remove_dir_all(work.join("unpacked")).unwrap();

    let policy = work.join("policy.json");
    std::fs::write(&policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
    for image in [layout, format!("docker-archive:{}", path("docker.tar"))] {
        let mut buildah = command("buildah");
        buildah.args(["--storage-driver", "vfs", "--root", &path("b/root"), "--runroot", &path("b/run")]);
        run(buildah.args(["pull", "-q", "--signature-policy"]).arg(&policy).arg(&image));
    }
    let mut remove = command("buildah");
    remove.args([
        "--storage-driver",
        "vfs",
        "--root",
        &path("b/root"),
        "--runroot",
        &path("b/run"),
        "rmi",
        "-a",
        "-f",
    ]);
    run(&mut remove);
}
