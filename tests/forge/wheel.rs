//! The wheels whose files change: RECORD stays true, byte code of old sources goes, Python parses.

use std::process::Command;

use crate::rig;
use crate::rig::Bench;

/// Unpacks images with fixtures/oci_unpack.py and counts with nothing but the standard library.
const CHECK: &str = r#"
import ast, base64, csv, hashlib, pathlib, sys, tempfile
from oci_unpack import Layout
layout, tag, site = sys.argv[1:]
with tempfile.TemporaryDirectory() as scratch:
    root = pathlib.Path(scratch) / "root"
    Layout(layout).image(tag).unpack(root)
    site = root / site.lstrip("/")
    records = sorted(site.glob("*.dist-info/RECORD"))
    rows = 0
    for record in records:
        for name, digest, size in csv.reader(record.read_text().splitlines()):
            file = site / name
            if not digest:
                continue
            rows += 1
            data = file.read_bytes()
            want = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            if (digest, size) != (f"sha256={want}", str(len(data))):
                print("WRONG", record.parent.name, name)
        listed = record.read_text()
        print(record.parent.name.split("-")[0], rows, "libplugin_LIBFABRIC.so" in listed)
    for name in ("tensorrt_llm/_torch/modules/qk_norm_attention.py", "dynamo/nixl_connect/__init__.py"):
        file = site / name
        ast.parse(file.read_text())
        stale = [str(p) for p in (file.parent / "__pycache__").glob(file.stem + ".*.pyc")]
        print("stale" if stale else "clean", name)
        for record in records:
            if "__pycache__/" + file.stem + "." in record.read_text() and name.rsplit("/", 1)[0] + "/__pycache__/" + file.stem in record.read_text():
                print("WRONG: pyc listed", name)
"#;

fn check(layout: &str, tag: &str) -> String {
    let site = rig::mini_fact("SITE_PACKAGES");
    let mut python = Command::new("python3");
    python.args(["-B", "-c", CHECK, layout, tag, &site]).env("PYTHONPATH", rig::top().join("fixtures"));
    rig::ran(&mut python).exits(0).stdout
}

#[test]
fn records_of_both_wheels_are_true_and_no_byte_code_is_stale() {
    let bench = Bench::new();
    let recipe = rig::top().join("recipes/libfabric.toml").display().to_string();
    bench.on_mini(&["build", &recipe, "--output=oci:out:x"]).exits(0);
    let before = check(&rig::mini().join("layout").display().to_string(), &rig::mini_fact("BASE_TAG"));
    // The base has something to be wrong about: without it the rest proves nothing.
    assert!(before.contains("stale ") && !before.contains("WRONG "), "{before}");
    let after = check(&bench.path("out").display().to_string(), "x");
    assert!(!after.contains("WRONG") && !after.contains("stale "), "{after}");
    assert_eq!(after.matches("clean ").count(), 2, "{after}");
    let new = |line: &&str| line.starts_with("tensorrt_llm ") && line.ends_with("True");
    assert!(after.lines().any(|line| new(&line)), "the new plugin is in no RECORD: {after}");
    assert!(after.lines().any(|line| line.starts_with("ai_dynamo_runtime ")), "{after}");
}
