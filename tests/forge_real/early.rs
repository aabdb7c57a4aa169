//! Layers that go up while they are made, and those that need not go up at all, in a real registry.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::services::Service;
use crate::services::place;
use crate::stage::can_run;
use crate::stage::said;
use crate::stage::skopeo;
use crate::stage::write_images;

const IMAGES: &str = r#"
from oci_layout import *
donor = Layer().file("/d/one", Noise(3000000, 1)).file("/d/two", Noise(2000000, 2))
write_layout("layout", {"base": Image([Layer().dir("/opt/lib", 0o755)]), "donor": Image([donor])})
"#;

struct Stage {
    _place: tempfile::TempDir,
    work: PathBuf,
    registry: Service,
}

impl Stage {
    fn new() -> Self {
        let place = place();
        let work = place.path().to_owned();
        write_images(&work, IMAGES);
        let registry = Service::registry(&work.join("registry"), &[]);
        let stage = Self { _place: place, work, registry };
        for name in ["base", "donor"] {
            let from = format!("oci:{}:{name}", stage.work.join("layout").display());
            let to = format!("docker://{}/{name}:x", stage.address());
            skopeo(&["copy", "-q", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
        }
        stage
    }

    fn address(&self) -> &str {
        self.registry.get("address")
    }

    fn recipe(&self, files: &str) -> String {
        let (address, path) = (self.address(), self.work.join("early.toml"));
        let graft = format!("{{ from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [{files}] }}");
        let text = format!(
            "schema = 1\nname = \"early\"\n[base]\nimage = \"{address}/base:x\"\n[sources.donor]\n\
             image = \"{address}/donor:x\"\n[[step]]\ngraft = {graft}\n"
        );
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Builds with a cache of its own, and says what came of it, whether the layer went up, and whether anybody had asked
    /// for it first.
    fn build(&self, cache: &str, tag: &str, recipe: &str, more: &[&str]) -> (Value, bool, bool) {
        let path = self.work.join("registry/registry.log");
        let before = fs::read_to_string(&path).unwrap().len();
        let output = format!("docker://{}/forged:{tag}", self.address());
        let words = [&["build", recipe, "--output", &output, "--format", "json"], more].concat();
        let built: Value = serde_json::from_str(&said(&self.work.join(cache), &words)).unwrap();
        let log = fs::read_to_string(&path).unwrap().split_off(before);
        let layer = built["layer"]["digest"].as_str().unwrap();
        let seen = |method: &str| {
            let start = format!("\"{method} /v2/forged/blobs/");
            let mut lines = log.lines().filter(|line| line.contains(&start));
            lines.any(|line| line.contains(layer) || line.contains(&layer.replace(':', "%3A")))
        };
        let (put, asked) = (seen("PUT"), seen("HEAD"));
        let sent = built["outputs"][0]["bytes_sent"].as_u64().unwrap();
        assert_eq!(sent > built["layer"]["size"].as_u64().unwrap(), put, "{sent} {log}");
        (built, put, asked)
    }
}

#[test]
fn a_layer_goes_up_while_it_is_made_unless_the_place_has_it() {
    if !can_run(&["docker-registry", "skopeo"]) {
        return;
    }
    let stage = Stage::new();
    let recipe = stage.recipe("\"one\"");
    let (first, put, asked) = stage.build("a", "one", &recipe, &[]);
    assert!(put && !asked, "it went up while it was made");
    skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{}/forged:one", stage.address())]);
    // Another machine: an image of the same provenance stands under the name.
    let (again, put, asked) = stage.build("b", "one", &recipe, &[]);
    assert_eq!(again["digest"], first["digest"]);
    assert!(!put && asked, "what is there need not be sent");
    // The lock file says what comes of it, and the repository has that.
    said(&stage.work.join("a"), &["lock", &recipe]);
    let (locked, put, asked) = stage.build("c", "two", &recipe, &["--locked"]);
    assert_eq!(locked["digest"], first["digest"]);
    assert!(!put && asked, "what is there under another name need not be sent");
    // Something else stands under the name.
    let other = stage.recipe("\"one\", \"two\"");
    let (other, put, asked) = stage.build("d", "one", &other, &[]);
    assert_ne!(other["digest"], first["digest"]);
    assert!(put && !asked, "another layer goes up while it is made");
    // A layer that was made before is asked for first.
    let recipe = stage.recipe("\"one\"");
    let (_, put, asked) = stage.build("a", "one", &recipe, &[]);
    assert!(!put && asked, "a layer that is made has its digest");
}
