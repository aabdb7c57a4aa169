//! Damaged and hostile images, damaged caches, and odd documents.

use std::fs;
use std::path::PathBuf;

use crate::layer::Listing;
use crate::rig;
use crate::rig::Bench;

const PAIR: &str = r#"
base = Layer().dir("/opt/lib", 0o755).file("/opt/lib/a", Noise(70000, 1)).file("/opt/lib/t.txt", b"one\n")
tagged["base"] = Image([base, Layer().file("/etc/second", Noise(30000, 2))])
donor = Layer(compress=COMPRESS).file("/d/a", b"wanted", mode=0o644).file("/d/later", Noise(200000, 3))
tagged["donor"] = Image([Layer().file("/d/below", b"below"), donor])
"#;

const GRAFT: &str = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"a\"] }\n\
    [[step]]\nwrite = { file = \"/opt/lib/t.txt\", text = \"two\" }";

fn pair(bench: &Bench, compress: &str) {
    bench.images(&PAIR.replace("COMPRESS", &format!("\"{compress}\"")));
}

/// Turns one bit of a file over.
fn flip(path: &PathBuf, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// T21, T24: the file is found early in the layer, the damage is far behind it, and nothing is written all the same
/// (regctl get-file stops early).
#[test]
fn t24_damage_behind_the_wanted_file_is_found() {
    for compress in ["gzip", "none"] {
        let bench = Bench::new();
        pair(&bench, compress);
        let digest = rig::tagged(&bench.path("layout"), "donor").unwrap();
        let manifest = rig::json_blob(&bench.path("layout"), &digest);
        let layer = manifest["layers"][1]["digest"].as_str().unwrap();
        let blob = rig::blob(&bench.path("layout"), layer);
        let size = fs::metadata(&blob).unwrap().len() as usize;
        flip(&blob, size - 5000);
        bench.refuse(3, GRAFT).says(layer.trim_start_matches("sha256:"));
        let kept = bench.path("cache/blobs/sha256").join(layer.trim_start_matches("sha256:"));
        assert!(!kept.exists(), "{compress}: the damaged layer was kept");
    }
}

/// T28: a bit turned over in any blob of the cache does no harm (ggcr#2272, apko#1984).
#[test]
fn t28_the_cache_heals_whatever_blob_is_damaged() {
    let bench = Bench::new();
    pair(&bench, "gzip");
    let good = bench.forge("first", GRAFT).digest().to_owned();
    let blobs: Vec<PathBuf> =
        fs::read_dir(bench.path("cache/blobs/sha256")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(blobs.len() >= 4, "{blobs:?}");
    for (number, blob) in blobs.iter().enumerate() {
        let middle = fs::metadata(blob).unwrap().len() as usize / 2;
        flip(blob, middle);
        let output = format!("oci:healed-{number}:x");
        let args = ["build", "first.toml", "--output", &output, "--format=json"];
        let healed = bench.run(&args).exits(0);
        assert_eq!(healed.json()["digest"], *good, "{}", blob.display());
        bench.run(&["build", "first.toml", &format!("--output=oci:last-{number}:x")]).exits(0);
    }
}

/// T28: a layer that is damaged in the cache is read again in the same run.
#[test]
fn t28_a_damaged_layer_in_the_cache_is_fetched_again_at_once() {
    let bench = Bench::new();
    pair(&bench, "gzip");
    let good = bench.forge("first", GRAFT).digest().to_owned();
    fs::remove_dir_all(bench.path("cache/notes")).unwrap();
    for tag in ["base", "donor"] {
        let digest = rig::tagged(&bench.path("layout"), tag).unwrap();
        let manifest = rig::json_blob(&bench.path("layout"), &digest);
        let layer = manifest["layers"][1]["digest"].as_str().unwrap().trim_start_matches("sha256:");
        let blob = bench.path("cache/blobs/sha256").join(layer);
        if tag == "donor" {
            assert!(!blob.exists(), "a donor's layer is kept though nobody is sent it");
            fs::copy(rig::blob(&bench.path("layout"), layer), &blob).unwrap();
        }
        // The first bytes of the deflate stream: it cannot be read to its end.
        flip(&blob, 12);
    }
    assert_eq!(bench.forge("first", GRAFT).digest(), good);
}

/// T18: names that lead out of the image are refused with the layer's name; relative links of the ordinary kind are not
/// (oras-go CVE-2026-50163, umoci CVE-2021-29136; ggcr#2250 went too far).
#[test]
fn t18_names_that_lead_out_are_refused_and_glibcs_links_are_not() {
    let hostile = [
        "donor.entries.append(Entry('../escape', FILE, content=_c(b'x')))",
        "donor.entries.append(Entry('d/../../escape', FILE, content=_c(b'x')))",
        "donor.entries.append(Entry('d/h', HARD, target='../../etc/passwd'))",
        "donor.entries.append(Entry('.wh.', FILE, content=_c(b'')))",
    ];
    for line in hostile {
        let bench = Bench::new();
        bench.images(&format!(
            r#"
import oci_tar
Entry, FILE, HARD, _c = oci_tar.Entry, oci_tar.FILE, oci_tar.HARD, oci_tar._content
donor = Layer().file("/d/a", b"a")
{line}
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([donor])
"#
        ));
        let graft =
            "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"a\"] }";
        let run = bench.refuse(3, graft).says("because:");
        assert!(run.stderr.contains("layer"), "{line}: {}", run.stderr);
    }
    let bench = Bench::new();
    bench.images(
        r#"
donor = Layer().file("/usr/lib/x/libc.so.6", b"libc").symlink("/usr/lib64/ld.so", "../lib/x/libc.so.6")
donor.symlink("/lib64", "usr/lib64").symlink("/up", "../../../../usr/lib/x/libc.so.6")
tagged["base"] = Image([Layer().dir("/opt", 0o755)])
tagged["donor"] = Image([donor])
"#,
    );
    for file in ["/lib64/ld.so", "/up"] {
        assert_eq!(bench.run(&["cat", "oci:layout:donor", file]).exits(0).stdout, "libc", "{file}");
    }
}

/// T19: no history, a short one, and one with entries of no layer (ggcr#1520, ggcr#1715).
#[test]
fn t19_history_has_an_entry_for_each_layer_whatever_the_base_has() {
    let cases = [
        ("none", "image.history = []"),
        ("short", "image.history = image.history[:1]"),
        ("extra", "image.history.append({'created_by': 'ENV', 'empty_layer': True})"),
    ];
    for (name, line) in cases {
        let bench = Bench::new();
        bench.images(&format!(
            "image = Image([Layer().file('/a', b'1'), Layer().file('/b', b'2')])\n{line}\ntagged['base'] = image"
        ));
        let forged = bench.forge("history", "[[step]]\nwrite = { file = \"/c\", text = \"3\" }");
        let config = forged.config();
        let history = config["history"].as_array().unwrap();
        let full = history.iter().filter(|entry| entry["empty_layer"] != true).count();
        assert_eq!(full, 3, "{name}: {history:?}");
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3, "{name}");
        assert!(history.last().unwrap()["created_by"].as_str().unwrap().contains("imgforge"), "{name}");
    }
}

/// T20: a manifest of one family gets layers and configuration of that family (ggcr#2101); others read the result.
#[test]
fn t20_the_new_layer_is_of_the_bases_family() {
    for (family, layer) in [
        ("docker", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ("oci", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ] {
        let bench = Bench::new();
        bench.images(&format!("tagged['base'] = Image([Layer().file('/a', b'1')], media='{family}')"));
        let forged = bench.forge("family", "[[step]]\nwrite = { file = \"/c\", text = \"3\" }");
        let manifest = forged.manifest();
        for number in 0..2 {
            assert_eq!(manifest["layers"][number]["mediaType"], layer);
        }
        let config = manifest["config"]["mediaType"].as_str().unwrap();
        assert!(config.contains(family), "{config}");
        assert!(manifest["mediaType"].as_str().unwrap().contains(family));
        bench.run(&["build", "family.toml", "--output=docker-archive:x.tar:x:1"]).exits(0);
        if rig::has("skopeo") {
            // skopeo passes over Docker's manifests in a layout, so the archive stands for both families.
            let mut skopeo = std::process::Command::new("skopeo");
            skopeo.args(["inspect", "docker-archive:x.tar"]).current_dir(bench.path(""));
            rig::ran(&mut skopeo).exits(0);
        }
    }
}

/// T27: the bytes of a layer are part of the format: a compressor that writes others is a new format version.
#[test]
fn t27_a_layer_has_the_bytes_it_had() {
    let bench = Bench::new();
    bench.images(
        r#"
base = Layer().dir("/opt/lib", 0o755)
tagged["base"] = Image([base])
text = b"".join(b"line %d of a text that compresses\n" % n for n in range(20000))
tagged["donor"] = Image([Layer().file("/d/text", text).file("/d/noise", Noise(300000, 7)).file("/d/zeros", Zeros(1000000))])
"#,
    );
    let graft = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"*\"] }";
    let forged = bench.forge("golden", graft);
    let layer = Listing::of(&forged.layer());
    assert_eq!(layer.names(), ["opt", "opt/lib", "opt/lib/noise", "opt/lib/text", "opt/lib/zeros"]);
    assert_eq!(forged.said["layer"]["digest"], GOLDEN_LAYER);
    assert_eq!(forged.said["layer"]["diff_id"], GOLDEN_DIFF_ID);
}

const GOLDEN_LAYER: &str = "sha256:da943dfba93d214b1bf2995e176355fe46b3fde4da3cd00ee0b550482a4ebccb";
const GOLDEN_DIFF_ID: &str = "sha256:eb73b329b194046f2356ccfc41a23e1221ae09b4eec8badde3215aba49b34168";
