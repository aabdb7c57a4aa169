//! What files and directories look like afterwards.

use crate::layer::Listing;
use crate::rig::Bench;

const PAIR: &str = r#"
base = Layer().dir("/opt", 0o755)
base.dir("/opt/dynamo", 0o775, 1000, 0, mtime=1600000001)
base.dir("/opt/dynamo/lib", 0o2775, 1000, 27, mtime=1600000002, xattrs={"user.team": "a"})
base.file("/opt/dynamo/lib/a.so", b"old", 0o4755, 1000, 1001, mtime=1600000003,
          xattrs={"security.capability": bytes.fromhex("0100000200200000000000000000000000000000"),
                  "user.kept": "yes"})
base.file("/opt/dynamo/gone", b"x", 0o644, 1000, 0)
tagged["base"] = Image([base, Layer().file("/etc/unrelated", b"u")])
donor = Layer().dir("/d", 0o700, 5, 5)
donor.file("/d/a.so", b"new!", 0o600, 7, 8, mtime=1700000001, xattrs={"user.donor": "yes"})
donor.dir("/d/sub", 0o750, 9, 10, mtime=1700000005)
donor.file("/d/sub/b.so", b"brand", 0o6711, 11, 12, mtime=1700000002, xattrs={"user.donor": "yes"})
tagged["donor"] = Image([donor])
"#;

const GRAFT: &str = r#"
[[step]]
graft = { from = "donor", root = "/d", into = "/opt/dynamo/lib", files = ["a.so", "sub/b.so"] }
[[step]]
remove = { path = "/opt/dynamo/gone" }
"#;

/// T1: engines make missing parents root:root 0755, so the layer brings them as the base has them
/// (buildkit#3602, moby#44956).
#[test]
fn t01_parents_are_in_the_layer_as_the_base_has_them() {
    let bench = Bench::new();
    bench.images(PAIR);
    let layer = Listing::of(&bench.forge("parents", GRAFT).layer());
    assert_eq!(layer.looks("opt"), (0o755, 0, 0));
    assert_eq!(layer.looks("opt/dynamo"), (0o775, 1000, 0));
    assert_eq!(layer.entry("opt/dynamo")["mtime"], 1_600_000_001);
    assert_eq!(layer.looks("opt/dynamo/lib"), (0o2775, 1000, 27));
    assert_eq!(layer.records("opt/dynamo/lib")["SCHILY.xattr.user.team"], hex("a"));
    let at = |name: &str| layer.names().iter().position(|entry| *entry == name).unwrap();
    assert!(at("opt") < at("opt/dynamo") && at("opt/dynamo/lib") < at("opt/dynamo/lib/a.so"));
    // A whiteout needs its parents as well, and nothing unrelated is touched.
    assert_eq!(layer.entry("opt/dynamo/.wh.gone")["size"], 0);
    assert!(!layer.names().iter().any(|name| name.starts_with("etc")));
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// T2, T13, T16: a replaced file keeps owner, mode (setuid too) and attributes of the base, a new one has the donor's;
/// the time is the content's own (umoci insert gives 0:0 0644; buildah#3294; umoci#166).
#[test]
fn t02_t13_t16_a_replaced_file_keeps_its_looks_and_a_new_one_has_the_donors() {
    let bench = Bench::new();
    bench.images(PAIR);
    let layer = Listing::of(&bench.forge("looks", GRAFT).layer());
    let (old, new) = ("opt/dynamo/lib/a.so", "opt/dynamo/lib/sub/b.so");
    assert_eq!(layer.looks(old), (0o4755, 1000, 1001));
    assert_eq!(layer.entry(old)["text"], "new!");
    assert_eq!(layer.entry(old)["mtime"], 1_700_000_001);
    let records = layer.records(old);
    let capability = "0100000200200000000000000000000000000000";
    assert_eq!(records["SCHILY.xattr.security.capability"], capability);
    assert_eq!(records["SCHILY.xattr.user.kept"], hex("yes"));
    assert!(!records.contains_key("SCHILY.xattr.user.donor"));
    assert_eq!(layer.looks(new), (0o6711, 11, 12));
    assert_eq!(layer.entry(new)["mtime"], 1_700_000_002);
    assert_eq!(layer.records(new)["SCHILY.xattr.user.donor"], hex("yes"));
    // The directory that the base lacks looks as its counterpart.
    assert_eq!(layer.looks("opt/dynamo/lib/sub"), (0o750, 9, 10));
}

#[test]
fn owner_and_mode_of_the_recipe_win() {
    let bench = Bench::new();
    bench.images(PAIR);
    let steps = r#"
[[step]]
graft = { from = "donor", root = "/d", into = "/opt/dynamo/lib", files = ["a.so"], owner = "42:43", mode = "0640" }
[[step]]
write = { file = "/opt/dynamo/note", text = "hello", owner = "1:2", mode = "0600" }
[[step]]
mkdir = { path = "/opt/dynamo/new/deep", mode = "0700", owner = "3:4" }
[[step]]
link = { path = "/opt/dynamo/link", target = "lib/a.so" }
"#;
    let layer = Listing::of(&bench.forge("told", steps).layer());
    assert_eq!(layer.looks("opt/dynamo/lib/a.so"), (0o640, 42, 43));
    assert_eq!(layer.looks("opt/dynamo/note"), (0o600, 1, 2));
    assert_eq!(layer.looks("opt/dynamo/new/deep"), (0o700, 3, 4));
    let link = layer.entry("opt/dynamo/link");
    assert_eq!((&link["type"], &link["link"]), (&"2".into(), &"lib/a.so".into()));
    // Nobody said anything about these: the owner of the directory they are in.
    assert_eq!(layer.looks("opt/dynamo/link").1, 1000);
    assert_eq!(layer.looks("opt/dynamo/new").1, 1000);
}

/// T3: Debian 12's umoci ships layers without padding.
#[test]
fn t03_the_tar_is_padded_and_ends_with_two_empty_blocks() {
    let bench = Bench::new();
    bench.images(PAIR);
    let layer = Listing::of(&bench.forge("padded", GRAFT).layer());
    assert_eq!(layer.length % 512, 0);
    assert!(layer.trailer);
}

/// T4: Docker refuses a layer that has a path twice.
#[test]
fn t04_two_steps_on_one_path_are_refused_and_no_path_is_in_a_layer_twice() {
    let bench = Bench::new();
    bench.images(PAIR);
    let twice = r#"
[[step]]
graft = { from = "donor", root = "/d", into = "/opt/dynamo/lib", files = ["a.so"] }
[[step]]
write = { file = "/opt/dynamo/lib/a.so", text = "mine" }
"#;
    bench.refuse(2, twice).says("refused.toml:");
    let layer = Listing::of(&bench.forge("once", GRAFT).layer());
    let mut names = layer.names();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// T14: what overlay file systems keep for themselves is not part of an image (umoci#354).
#[test]
fn t14_attributes_of_overlay_file_systems_stay_out() {
    let bench = Bench::new();
    bench.images(
        r#"
tagged["base"] = Image([Layer().dir("/a", 0o755, xattrs={"trusted.overlay.opaque": "y", "user.overlay.origin": "z", "user.x": "1"})])
tagged["donor"] = Image([Layer().file("/d/f", b"f", xattrs={"trusted.overlay.redirect": "q", "user.overlay.metacopy": "", "user.y": "2"})])
"#,
    );
    let graft = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/a\", files = [\"f\"] }";
    let layer = Listing::of(&bench.forge("overlay", graft).layer());
    for (name, kept) in [("a", "user.x"), ("a/f", "user.y")] {
        let records = layer.records(name);
        assert!(records.contains_key(&format!("SCHILY.xattr.{kept}")), "{name}: {records:?}");
        assert!(!records.keys().any(|key| key.contains(".overlay.")), "{name}: {records:?}");
    }
}

/// T15: names over 100 and over 255 bytes, and one that is no UTF-8 (ggcr#1414).
#[test]
fn t15_long_and_strange_names_come_through() {
    let bench = Bench::new();
    bench.images(
        r#"
long = "n" * 150 + "/" + "m" * 200
tagged["base"] = Image([Layer().dir("/into", 0o755)])
tagged["donor"] = Image([Layer().file("/d/" + long, b"long").file("/d/caf\udce9", b"latin").file("/d/\u00fcber", b"utf8")])
"#,
    );
    let graft = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/into\", files = [\"**\"] }";
    let layer = Listing::of(&bench.forge("names", graft).layer());
    let long = format!("into/{}/{}", "n".repeat(150), "m".repeat(200));
    assert_eq!(layer.entry(&long)["text"], "long");
    assert_eq!(layer.entry("into/über")["text"], "utf8");
    let latin = layer.entries.iter().find(|entry| entry["text"] == "latin");
    assert_eq!(latin.unwrap()["raw"], format!("{}e9", hex("into/caf")));
}
