//! Layers of donors that are taken as they are, with and without something left for a layer on top.

use std::fs;

use crate::layer::Listing;
use crate::rig;
use crate::rig::Bench;

const IMAGES: &str = r#"
base = Layer().dir("/opt", 0o755).file("/opt/a", b"old").file("/opt/gone", b"g").dir("/srv", 0o700, 1, 2)
tagged["base"] = Image([base])
donor = Layer().dir("/opt", 0o755, mtime=5).file("/opt/a", b"new").dir("/opt/n", 0o711).file("/opt/n/b", b"b")
tagged["donor"] = Image([Layer().file("/z", b"z"), donor])
"#;

const GRAFT: &str =
    "[[step]]\ngraft = { from = \"donor\", root = \"/opt\", into = \"/opt\", files = [\"a\", \"n/b\"] }\n";
const MORE: &str =
    "[[step]]\nremove = { path = \"/opt/gone\" }\n[[step]]\nwrite = { file = \"/opt/n/c\", text = \"c\" }\n";

fn donor_layer(bench: &Bench) -> String {
    let layout = bench.path("layout");
    let manifest = rig::json_blob(&layout, &rig::tagged(&layout, "donor").unwrap());
    manifest["layers"][1]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_left_goes_on_top_with_its_parents() {
    let bench = Bench::new();
    bench.images(IMAGES);
    let forged = bench.forge("both", &format!("{GRAFT}{MORE}"));
    let layers = forged.manifest()["layers"].as_array().unwrap().clone();
    assert_eq!(layers.len(), 3);
    assert_eq!(layers[1]["digest"], *donor_layer(&bench));
    let listing = Listing::of(&forged.layer());
    assert_eq!(
        listing.names(),
        ["opt/", "opt/.wh.gone", "opt/n/", "opt/n/c"].map(|name| name.trim_end_matches('/'))
    );
    assert_eq!(listing.looks("opt/n"), (0o711, 0, 0), "a parent that the layer below brings");
    let history = forged.config()["history"].as_array().unwrap().clone();
    assert_eq!(history.len(), 3);
    assert!(history[1]["created_by"].as_str().unwrap().contains("of donor"), "{history:?}");
    assert_eq!(forged.config()["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
    // The whole of it once more: nothing differs, and the lock holds.
    bench.run(&["lock", "both.toml"]).exits(0);
    let locked = ["build", "both.toml", "--locked", "--output=oci:again:x", "--format=json"];
    assert_eq!(bench.run(&locked).exits(0).json()["digest"], *forged.digest());
    for (file, text) in [("/opt/a", "new"), ("/opt/n/b", "b"), ("/opt/n/c", "c")] {
        assert_eq!(bench.run(&["cat", "oci:out:both", file]).exits(0).stdout, text);
    }
    bench.run(&["cat", "oci:out:both", "/opt/gone"]).exits(2);
}

#[test]
fn a_layer_that_the_base_has_all_of_is_not_added() {
    let bench = Bench::new();
    bench.images(&format!("{IMAGES}\ntagged['base'] = Image([base, donor])"));
    let forged = bench.forge("nothing", GRAFT);
    assert_eq!(Some(forged.digest()), rig::tagged(&bench.path("layout"), "base").as_deref());
    assert_eq!(forged.said["whole_layers"], serde_json::json!([]));
}

#[test]
fn owner_and_mode_of_the_recipe_go_before_the_donors() {
    for more in [", owner = \"4:4\" }", ", mode = \"0600\" }"] {
        let bench = Bench::new();
        bench.images(IMAGES);
        let forged = bench.forge("other", &GRAFT.replace(" }", more));
        assert_eq!(forged.said["whole_layers"], serde_json::json!([]), "{more}");
    }
}

#[test]
fn a_base_of_the_other_family_calls_the_layer_by_its_own_names() {
    let bench = Bench::new();
    bench.images(&format!("{IMAGES}\ntagged['base'].media = 'docker'"));
    let layer = bench.forge("family", GRAFT).manifest()["layers"][1].clone();
    assert_eq!(layer["digest"], *donor_layer(&bench));
    assert_eq!(layer["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
}

/// A layer stands in the result with all that it holds: where a stranger says what that is, the lock file has to agree.
#[test]
fn a_layer_whose_index_is_a_strangers_is_taken_when_the_lock_file_says_the_same() {
    let bench = Bench::new();
    bench.images(IMAGES);
    let honest = bench.forge("whole", GRAFT);
    bench.run(&["lock", "whole.toml"]).exits(0);
    for image in ["oci:layout:base", "oci:layout:donor"] {
        bench.run(&["index", "push", image, "oci:indexes"]).exits(0);
    }
    fs::remove_dir_all(bench.path("cache")).unwrap();
    let layer = donor_layer(&bench).trim_start_matches("sha256:").to_owned();
    let note = |kind: &str| bench.path("cache/notes").join(kind).join(&layer).exists();
    let args = [
        "build",
        "whole.toml",
        "--locked",
        "--output=oci:out:y",
        "--format=json",
        "--index-from=oci:indexes",
    ];
    assert_eq!(bench.run(&args).exits(0).json()["digest"], *honest.digest());
    assert!(note("lent-layers-12") && !note("layers-12"), "the layer was read, which nothing asks for");
}
