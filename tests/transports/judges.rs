//! skopeo and umoci read what imgforge writes, and imgforge reads what they write.

use std::fs;

use imgforge::oci::Digest;
use imgforge::transport::archive::ArchiveSink;
use imgforge::transport::archive::ArchiveSource;
use imgforge::transport::layout::LayoutSink;
use imgforge::transport::layout::LayoutSource;
use imgforge::transport::layout::Pick;
use serde_json::Value;

use crate::rig::Bench;
use crate::rig::base_and_derived;
use crate::rig::has;
use crate::rig::run;

fn skopeo(arguments: &[&str]) -> String {
    run("skopeo", &[&["--insecure-policy"], arguments].concat())
}

#[test]
fn skopeo_reads_our_layout_and_archive_with_digests_unchanged() {
    if !has("skopeo") {
        return;
    }
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("skopeo"));
    let source = bench.layout("start", &derived);
    let at = |name: &str| bench.path(name).display().to_string();
    bench.publish(&source, &LayoutSink::new(&bench.path("out"), Some("v1")), 0).unwrap();
    let archive = ArchiveSink::oci(&bench.path("out.tar"), Some("v1"), Some("app"));
    bench.publish(&source, &archive, 0).unwrap();
    let want = Digest::of(&derived.manifest).to_string();
    for from in [
        format!("oci:{}:v1", at("out")),
        format!("oci-archive:{}:v1", at("out.tar")),
        format!("oci-archive:{}", at("out.tar")),
    ] {
        let seen: Value = serde_json::from_str(&skopeo(&["inspect", &from])).unwrap();
        assert_eq!(seen["Digest"], Value::from(want.clone()), "{from}");
        // A copy reads and verifies every blob.
        skopeo(&["copy", "--preserve-digests", &from, &format!("dir:{}", at("copied"))]);
        assert_eq!(fs::read(bench.path("copied/manifest.json")).unwrap(), derived.manifest);
        fs::remove_dir_all(bench.path("copied")).unwrap();
    }
    // As a `docker save` the layers are seen uncompressed: the configuration is what stays.
    let from = format!("docker-archive:{}:app:v1", at("out.tar"));
    assert_eq!(skopeo(&["inspect", "--config", "--raw", &from]).as_bytes(), derived.config);
    skopeo(&["copy", &from, &format!("dir:{}", at("copied"))]);
    for tar in &derived.tars {
        let path = bench.path("copied").join(Digest::of(tar).hex());
        assert_eq!(Digest::of(&fs::read(path).unwrap()), Digest::of(tar));
    }
}

#[test]
fn what_skopeo_writes_reads_back() {
    if !has("skopeo") {
        return;
    }
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("skopeo2"));
    bench.layout("start", &derived);
    let at = |name: &str| bench.path(name).display().to_string();
    let from = format!("oci:{}:v1", at("start"));
    skopeo(&["copy", &from, &format!("oci:{}:v7", at("layout"))]);
    bench.assert_whole(&LayoutSource::new(&bench.path("layout"), Some("v7")), &derived);
    skopeo(&["copy", &from, &format!("oci-archive:{}:x/y:v7", at("oci.tar"))]);
    for name in ["x/y:v7", "v7"] {
        let pick = Pick::of(Some(name));
        let read = ArchiveSource::open_oci(&bench.path("oci.tar"), &pick, bench.directory.path()).unwrap();
        bench.assert_whole(&read, &derived);
    }
    skopeo(&["copy", &from, &format!("docker-archive:{}:x/y:v7", at("docker.tar"))]);
    let pick = Pick::of(Some("x/y:v7"));
    let read = ArchiveSource::open_docker(&bench.path("docker.tar"), &pick, bench.directory.path()).unwrap();
    let image = bench.load(&read).unwrap();
    let ids: Vec<Digest> = image.config.diff_ids().iter().map(|id| id.0).collect();
    assert_eq!(ids, derived.tars.iter().map(|tar| Digest::of(tar)).collect::<Vec<_>>());
    bench.publish(&read, &LayoutSink::new(&bench.path("again"), None), 0).unwrap();
    // Docker's media types stay as they are; skopeo takes them from a layout with one image.
    skopeo(&["copy", &format!("oci:{}", at("again")), &format!("dir:{}", at("copied"))]);
    // A tag that skopeo adds to our layout leaves ours alone, and the other way round.
    bench
        .publish(&bench.layout("start", &derived), &LayoutSink::new(&bench.path("layout"), Some("ours")), 0)
        .unwrap();
    skopeo(&["copy", &from, &format!("oci:{}:theirs", at("layout"))]);
    for tag in ["v7", "ours", "theirs"] {
        bench.assert_whole(&LayoutSource::new(&bench.path("layout"), Some(tag)), &derived);
    }
}

#[test]
fn umoci_unpacks_our_layout() {
    if !has("umoci") {
        return;
    }
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("umoci"));
    let source = bench.layout("start", &derived);
    bench.publish(&source, &LayoutSink::new(&bench.path("out"), Some("v1")), 0).unwrap();
    let image = format!("{}:v1", bench.path("out").display());
    let bundle = bench.path("bundle");
    run("umoci", &["unpack", "--rootless", "--image", &image, bundle.to_str().unwrap()]);
    assert_eq!(fs::read(bundle.join("rootfs/c.txt")).unwrap(), b"patched");
    assert_eq!(fs::read(bundle.join("rootfs/b.txt")).unwrap(), b"b");
    // Its garbage collector finds nothing to take: everything in the layout is reachable.
    let count = || fs::read_dir(bench.path("out/blobs/sha256")).unwrap().count();
    let before = count();
    run("umoci", &["gc", "--layout", bench.path("out").to_str().unwrap()]);
    assert_eq!((count(), before), (5, 5));
}

#[test]
fn buildah_pulls_our_layout_and_archive() {
    if !has("buildah") {
        return;
    }
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("buildah"));
    let source = bench.layout("start", &derived);
    let at = |name: &str| bench.path(name).display().to_string();
    bench.publish(&source, &LayoutSink::new(&bench.path("out"), Some("v1")), 0).unwrap();
    let archive = ArchiveSink::oci(&bench.path("out.tar"), Some("v1"), Some("app"));
    bench.publish(&source, &archive, 0).unwrap();
    // It names images after their path, which must be lower-case for that: so it runs in the directory.
    let (root, runroot, here) = (at("root"), at("runroot"), at(""));
    let buildah = |arguments: &[&str]| {
        let own = ["-C", &here, "buildah", "--root", &root, "--runroot", &runroot, "--storage-driver", "vfs"];
        run("env", &[&own, arguments].concat())
    };
    for from in ["oci:out:v1", "oci-archive:out.tar", "docker-archive:out.tar"] {
        let id = buildah(&["pull", "--policy", "always", "-q", from]);
        // Its id of an image is the digest of the configuration.
        assert_eq!(id.trim(), Digest::of(&derived.config).hex(), "{from}");
    }
}
