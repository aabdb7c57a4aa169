//! An unpacked tree is judged as the image it came from. Skipped while the mini fixtures are not built.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shell;

#[expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a check that cannot run says so"
)]
fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "SKIPPED: {why}");
    eprintln!("SKIPPED: {why}");
}

fn findings(arguments: &str, directory: &Path) -> Vec<Value> {
    let output = shell(&format!("imgforge audit --format json {arguments}"), directory)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().unwrap().clone()
}

#[test]
fn an_unpacked_tree_is_judged_as_its_image() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layout = top.join("fixtures/mini/out/layout");
    if !layout.join("index.json").exists() {
        return skipped("the mini fixtures are not built: `fixtures/mini/build.sh`");
    }
    let place = tempfile::tempdir().unwrap();
    let tag = "h100-v19-flashinfer-stub";
    let script = "import sys, json; sys.path.insert(0, sys.argv[1]); from oci_unpack import Layout\n\
                  image = Layout(sys.argv[2]).image(sys.argv[3]); image.unpack('tree')\n\
                  print('\\n'.join(image.config['config'].get('Env', [])))";
    let mut python = Command::new("python3");
    python
        .args(["-c", script])
        .arg(top.join("fixtures"))
        .arg(&layout)
        .arg(tag);
    let unpacked = python.current_dir(place.path()).output();
    let Ok(unpacked) = unpacked else {
        return skipped("there is no python3 to unpack the image with");
    };
    assert!(
        unpacked.status.success(),
        "{}",
        String::from_utf8_lossy(&unpacked.stderr)
    );
    let env = String::from_utf8(unpacked.stdout).unwrap();
    let env: String = env.lines().map(|pair| format!(" --env '{pair}'")).collect();

    let image = findings(&format!("oci:{}:{tag}", layout.display()), place.path());
    let tree = findings(&format!("dir:tree{env}"), place.path());
    assert_eq!(image, tree);
    assert!(!image.is_empty(), "the base is known to have findings");

    // A change to the tree is a change in the findings: the comparison can fail.
    let broken = place.path().join("tree/usr/bin/python3.11");
    let libraries = place.path().join("tree/usr/lib/x86_64-linux-gnu");
    assert!(broken.exists() && libraries.exists());
    for entry in fs::read_dir(libraries).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("libstdc++")
        {
            fs::remove_file(path).unwrap();
        }
    }
    assert_ne!(image, findings(&format!("dir:tree{env}"), place.path()));
}
