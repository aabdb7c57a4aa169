//! A donor's layer that is exactly what the recipe asks for: mounted in a real registry, and the same tree as a splice.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::services::Service;
use crate::services::place;
use crate::stage::can_run;
use crate::stage::imgforge;
use crate::stage::run;
use crate::stage::skopeo;
use crate::stage::write_images;

/// `donor` has a layer of its own below and above the wanted one; `wider` has the wanted files in a layer with one more.
/// The wanted layer has a directory of the base, a new one, a link, and a file that the base has the same of.
const IMAGES: &str = r#"
from oci_layout import *
base = Layer().dir("/opt", 0o755).dir("/opt/lib", 0o750, 7, 8).file("/opt/lib/a.so", b"old", 0o644, 7, 8)
base.file("/opt/lib/same.so", b"same", 0o644, 7, 8)
def wanted():
    layer = Layer().dir("/opt", 0o755).dir("/opt/lib", 0o750, 7, 8).dir("/opt/lib/new", 0o711, 3, 4)
    layer.file("/opt/lib/a.so", Noise(3000000, 1), 0o644, 7, 8).file("/opt/lib/same.so", b"same", 0o644, 7, 8)
    layer.file("/opt/lib/new/b.so", Noise(70000, 2), 0o600, 9, 9).symlink("/opt/lib/link.so", "new/b.so")
    return layer
below, above = Layer().file("/usr/x", Noise(5000, 3)), Layer().file("/usr/y", b"y")
write_layout("layout", {
    "base": Image([base]),
    "donor": Image([below, wanted(), above]),
    "wider": Image([below, wanted().file("/opt/lib/unwanted", b"u", 0o644, 7, 8), above]),
})
"#;

const FILES: &str = r#""a.so", "same.so", "new/*", "link*""#;

fn recipe(work: &Path, address: &str, name: &str, donor: &str, files: &str) -> String {
    let text = format!(
        "schema = 1\nname = \"{name}\"\n[base]\nimage = \"{address}/base:1\"\n\
         [sources.donor]\nimage = \"{address}/{donor}:1\"\n[[step]]\n\
         graft = {{ from = \"donor\", root = \"/opt/lib\", into = \"/opt/lib\", files = [{files}] }}\n"
    );
    let file = work.join(format!("{name}.toml"));
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn build(work: &Path, cache: &str, recipe: &str, to: &str) -> Value {
    let ran = imgforge(&work.join(cache), &["build", recipe, "--output", to, "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// Every object of an image as umoci unpacks it: kind, mode, owner, time of what is no directory, target, content.
fn unpacked(work: &Path, name: &str, from: &str) -> String {
    let layout = work.join(format!("pulled-{name}"));
    let (layout, tree) = (layout.to_str().unwrap(), work.join(format!("tree-{name}")));
    skopeo(&["copy", "-q", "--src-tls-verify=false", from, &format!("oci:{layout}:x")]);
    run("umoci", &["unpack", "--image", &format!("{layout}:x"), tree.to_str().unwrap()]);
    let list = "cd \"$1/rootfs\" && find . ! -type d -printf '%y %m %U:%G %T@ %p -> %l\\n' | LC_ALL=C sort \
                && find . -type d -printf '%y %m %U:%G %p\\n' | LC_ALL=C sort \
                && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
    run("sh", &["-c", list, "sh", tree.to_str().unwrap()])
}

fn layer_of(work: &Path, donor: &str, number: usize) -> (String, u64) {
    let manifest = crate::stage::manifest(&work.join("layout"), donor);
    crate::stage::layers(&manifest).swap_remove(number)
}

#[test]
fn a_layer_that_is_asked_for_whole_is_mounted_and_the_tree_is_that_of_a_splice() {
    if !can_run(&["docker-registry", "skopeo", "umoci", "python3"]) {
        return;
    }
    let work = place();
    let work = work.path();
    write_images(work, IMAGES);
    let registry = Service::registry(&work.join("registry"), &[]);
    let address = registry.get("address");
    for name in ["base", "donor", "wider"] {
        let from = format!("oci:{}:{name}", work.join("layout").display());
        let to = format!("docker://{address}/{name}:1");
        skopeo(&["copy", "-q", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
    }
    let to = |name: &str| format!("docker://{address}/forged:{name}");

    let whole = recipe(work, address, "whole", "donor", FILES);
    let mounted = build(work, "cache", &whole, &to("whole"));
    let (digest, size) = layer_of(work, "donor", 1);
    assert_eq!(mounted["whole_layers"][0]["digest"], *digest, "{mounted}");
    assert_eq!(mounted["layer"], Value::Null, "nothing is left for a layer of its own");
    let output = &mounted["outputs"][0];
    let base: u64 = layer_of(work, "base", 0).1;
    assert_eq!(output["bytes_mounted"].as_u64(), Some(size + base), "{output}");
    assert_eq!(mounted["costs"]["mounted"].as_u64(), Some(size + base), "{mounted}");
    assert!(output["bytes_sent"].as_u64().unwrap() < 16_384, "the configuration only: {output}");

    let spliced = recipe(work, address, "spliced", "wider", FILES);
    let spliced = build(work, "cache", &spliced, &to("spliced"));
    assert_eq!(spliced["whole_layers"], serde_json::json!([]), "a layer with one file more is not the wish");
    let tree = unpacked(work, "whole", &to("whole"));
    assert_eq!(tree, unpacked(work, "spliced", &to("spliced")));
    assert!(tree.contains("new/b.so") && tree.contains("f 644 7:8"), "{tree}");

    let less = recipe(work, address, "less", "donor", r#""a.so", "same.so", "new/*""#);
    let less = build(work, "cache", &less, &to("less"));
    assert_eq!(less["whole_layers"], serde_json::json!([]), "one file less than the layer has");
    assert!(less["layer"]["size"].as_u64().unwrap() > 3_000_000);

    // Neither the place nor the cache decides: a layout gets the same image, from a fresh cache and from a full one.
    for cache in ["cache", "fresh"] {
        let layout = format!("oci:{}:x", work.join(format!("out-{cache}")).display());
        let again = build(work, cache, &whole, &layout);
        assert_eq!(again["digest"], mounted["digest"], "{cache}");
    }
    let plan = imgforge(&work.join("cache"), &["plan", &whole, "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(plan["whole_layers"][0]["digest"], *digest);
}
