//! What is read of layers that are known: the wanted files, and nothing else.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use imgforge::oci::Digest;

use crate::rig;
use crate::rig::Bench;

const WANTED: u64 = 3_000_000;

/// A donor whose wanted file stands between others in one layer of 23 MB, and a base.
fn images(bench: &Bench) {
    bench.images(&format!(
        r#"
donor = Layer().file("/d/before", Noise(12000000, 1)).file("/d/wanted", Noise({WANTED}, 2)).file("/d/small", b"few")
donor.file("/d/behind", Noise(8000000, 3))
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([donor])
"#
    ));
}

const GRAFT: &str = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"wanted\", \"small\"] }";

/// Everything in the cache but what was learned of layers.
pub(crate) fn forget_contents(bench: &Bench) {
    fs::remove_dir_all(bench.path("cache/blobs")).unwrap();
    for kind in fs::read_dir(bench.path("cache/notes")).unwrap() {
        let path = kind.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("extracts-") || name.starts_with("made-") {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

pub(crate) fn donor_layer(bench: &Bench) -> PathBuf {
    let layout = bench.path("layout");
    let manifest = rig::json_blob(&layout, &rig::tagged(&layout, "donor").unwrap());
    rig::blob(&layout, manifest["layers"][0]["digest"].as_str().unwrap())
}

fn read(said: &serde_json::Value) -> u64 {
    said["costs"]["read"].as_u64().unwrap()
}

#[test]
fn of_a_known_layer_only_the_wanted_files_are_read() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("parts", GRAFT);
    let layer = fs::metadata(donor_layer(&bench)).unwrap().len();
    assert!(read(&first.said) > layer, "{} of {layer}", read(&first.said));
    let again = bench.forge("parts", GRAFT);
    assert!(read(&again.said) < 20_000, "a build that was made before reads {} bytes", read(&again.said));
    forget_contents(&bench);
    let parts = bench.forge("parts", GRAFT);
    assert_eq!(parts.digest(), first.digest(), "bytes depend on how a layer was read");
    // The small file has no digest of its own: it is verified by the states of the layer's hash around it, 4 MiB apart. It is
    // read up to the header of the file behind it.
    assert!(read(&parts.said) < (13 << 20), "{} of {layer} bytes", read(&parts.said));
}

#[test]
fn a_library_is_fetched_when_a_layer_is_made_of_it_and_not_before() {
    let bench = Bench::new();
    let recipe = bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    let build = |output: &str| {
        bench
            .on_mini(&["build", &recipe, "--format=json", &format!("--output=oci:{output}:x")])
            .exits(0)
            .json()
    };
    let first = build("first");
    forget_contents(&bench);
    let stored = |said: &serde_json::Value| {
        let files = said["files"].as_array().unwrap().iter();
        // What the base has already is never needed.
        let new = files.filter(|file| file["identical"] == false);
        let libraries = new.filter(|file| file["path"].as_str().unwrap().contains(".so"));
        let digests = libraries.map(|file| file["digest"].as_str().unwrap().replace("sha256:", ""));
        let there = digests.map(|digest| bench.path("cache/blobs/sha256").join(digest).exists());
        let there: Vec<bool> = there.collect();
        (there.iter().filter(|there| **there).count(), there.len())
    };
    let count = stored(&first).1;
    assert!(count > 5, "{first:#}");
    bench.on_mini(&["audit", &recipe]).exits(0);
    assert_eq!(stored(&first), (0, count), "an audit");
    // Bindings of one build over libraries of the other.
    let keep = |line: &str| (!line.contains("    \"libs/libtensorrt_llm.so\"")).then(|| line.to_owned());
    let broken = bench.edited_recipe("libfabric.toml", keep);
    bench.on_mini(&["build", &broken, "--output=oci:second:x"]).exits(1);
    assert_eq!(stored(&first), (0, count), "a build that the gate refuses");
    bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    assert_eq!(build("second")["digest"], first["digest"]);
    assert_eq!(stored(&first), (count, count));
}

#[test]
fn what_is_read_in_part_is_verified() {
    let bench = Bench::new();
    images(&bench);
    bench.forge("parts", GRAFT);
    let blob = donor_layer(&bench);
    let whole = fs::read(&blob).unwrap();
    // Noise is stored as it is, so the byte is one of the wanted file's.
    let mut bytes = whole.clone();
    bytes[13_500_000] ^= 1;
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, bytes).unwrap();
    forget_contents(&bench);
    bench.refuse(3, GRAFT).says("cannot read layer");
    fs::write(&blob, whole).unwrap();
    bench.forge("parts", GRAFT);
}

/// A lock file from elsewhere, and a place that serves what it pins: the bytes fit the pin, and are not the layer's.
#[test]
fn what_a_lock_file_pins_is_nothing_that_this_machine_has_seen() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("parts", GRAFT);
    bench.run(&["lock", "parts.toml"]).exits(0);
    let cat = || bench.command(&["cat", "oci:layout:donor", "/d/wanted"]).output().unwrap().stdout;
    let honest = cat();
    assert_eq!(honest.len() as u64, WANTED);
    let blob = donor_layer(&bench);
    let whole = fs::read(&blob).unwrap();
    // Noise is stored as it is, so the byte is one of the wanted file's.
    let mut bytes = whole.clone();
    bytes[13_500_000] ^= 1;
    let tar = |blob: &[u8]| {
        let mut tar = Vec::new();
        // The sum at the end is wrong, and all before it is there.
        drop(flate2::read::GzDecoder::new(blob).read_to_end(&mut tar));
        tar
    };
    let at = tar(&whole).windows(64).position(|piece| piece == &honest[..64]).unwrap();
    let forged = tar(&bytes)[at..at + honest.len()].to_vec();
    assert_ne!(forged, honest);
    let lock = fs::read_to_string(bench.path("parts.lock")).unwrap();
    let pins = lock.replace(&Digest::of(&honest).hex(), &Digest::of(&forged).hex());
    assert_ne!(pins, lock);
    fs::write(bench.path("parts.lock"), pins).unwrap();
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, bytes).unwrap();
    forget_contents(&bench);
    let build = ["build", "parts.toml", "--locked", "--output=oci:out:forged"];
    let refused = bench.command(&build).output().unwrap();
    assert!(!refused.status.success());
    assert!(
        bench.path("cache/blobs/sha256").join(Digest::of(&forged).hex()).exists(),
        "the forged file was not taken"
    );
    fs::write(&blob, whole).unwrap();
    assert!(cat() == honest, "a lock file's word passes for this machine's own");
    assert_eq!(bench.forge("parts", GRAFT).digest(), first.digest());
}

#[test]
fn a_shared_index_spares_the_layer_where_the_lock_file_pins_the_files() {
    let bench = Bench::new();
    images(&bench);
    let steps = GRAFT.replace(", \"small\"", "");
    let first = bench.forge("shared", &steps);
    bench.run(&["lock", "shared.toml"]).exits(0);
    for image in ["oci:layout:base", "oci:layout:donor"] {
        bench.run(&["index", "push", image, "oci:indexes"]).exits(0);
        let again = bench.run(&["index", "push", image, "oci:indexes", "--format=json"]).exits(0).json();
        assert_eq!(again["pushed"][0]["present"], true, "the same knowledge has other bytes");
    }
    let layer = fs::metadata(donor_layer(&bench)).unwrap().len();
    let build = |cache: &str, locked: bool| {
        let mut args = vec!["build", "shared.toml", "--output=oci:out:shared", "--format=json"];
        args.extend(["--index-from=oci:indexes"].into_iter().chain(locked.then_some("--locked")));
        let cache = bench.path(cache).display().to_string();
        let run = rig::ran(bench.command(&args).env("IMGFORGE_CACHE_DIR", cache)).exits(0).json();
        assert_eq!(run["digest"], *first.digest());
        run
    };
    let pinned = build("fresh", true);
    assert!(read(&pinned) < WANTED + 400_000, "{} bytes", read(&pinned));
    let unpinned = build("other", false);
    assert!(read(&unpinned) > layer, "a stranger's index was believed");
}

#[test]
fn a_shared_index_that_lies_does_no_harm() {
    let bench = Bench::new();
    images(&bench);
    let steps = GRAFT.replace(", \"small\"", "");
    let first = bench.forge("shared", &steps);
    bench.run(&["lock", "shared.toml"]).exits(0);
    bench.run(&["index", "push", "oci:layout:donor", "oci:indexes"]).exits(0);
    // Another layer's index under this one's name.
    bench.run(&["index", "push", "oci:layout:base", "oci:others"]).exits(0);
    let blobs = |place: &str| {
        let files = fs::read_dir(bench.path(place).join("blobs/sha256")).unwrap();
        files.map(|file| file.unwrap().path()).max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    };
    let (victim, other) = (blobs("indexes"), blobs("others"));
    for bytes in [fs::read(other).unwrap(), b"no index at all".to_vec(), Vec::new()] {
        fs::remove_file(&victim).unwrap();
        fs::write(&victim, bytes).unwrap();
        fs::remove_dir_all(bench.path("cache")).unwrap();
        let args =
            ["build", "shared.toml", "--output=oci:out:shared", "--format=json", "--index-from=oci:indexes"];
        assert_eq!(bench.run(&args).exits(0).json()["digest"], *first.digest());
    }
    let told = bench.run(&["index", "pull", "oci:layout:donor", "dir:tree"]).exits(0);
    assert!(told.stdout.contains("1 of 1"), "{}", told.stdout);
    // Before a layer is read: in a cache that knows none, none is known afterwards.
    fs::remove_dir_all(bench.path("cache")).unwrap();
    let refused = bench.run(&["index", "push", "oci:layout:donor", "docker-archive:x.tar"]);
    refused.exits(3).says("cannot hold indexes");
    let kinds = fs::read_dir(bench.path("cache/notes")).map_or(0, Iterator::count);
    assert_eq!(kinds, 0, "the image was read for nothing");
}

/// Changes a note of the cache, which is packed, as a stranger would who shares one.
fn tamper(bench: &Bench, kind: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let notes = fs::read_dir(bench.path("cache/notes")).unwrap().map(|kind| kind.unwrap().path());
    let notes = notes.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(kind));
    for note in notes.flat_map(|kind| fs::read_dir(kind).unwrap().map(|note| note.unwrap().path())) {
        // Before what is packed stands its hash.
        let bytes = zstd::decode_all(&fs::read(&note).unwrap()[32..]).unwrap();
        let packed = zstd::encode_all(change(bytes).as_slice(), 3).unwrap();
        fs::remove_file(&note).unwrap();
        fs::write(&note, [Digest::of(&packed).raw(), packed.as_slice()].concat()).unwrap();
    }
}

/// Two names of one length change places.
fn swapped(bytes: Vec<u8>, one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(first) = rest.first() {
        let (from, to) = if rest.starts_with(one) { (one, other) } else { (other, one) };
        if rest.starts_with(from) {
            out.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            out.push(*first);
            rest = &rest[1..];
        }
    }
    out
}

/// An index whose digests and sizes are all right, and whose names are not: only a reading of the layer, or a lock file's
/// digests, can tell.
#[test]
fn a_shared_index_that_calls_files_by_each_others_names_does_no_harm() {
    let bench = Bench::new();
    images(&bench);
    let steps = GRAFT.replace(", \"small\"", "");
    let first = bench.forge("shared", &steps);
    let cat = || {
        let done = bench.command(&["cat", "oci:layout:donor", "/d/wanted"]).output().unwrap();
        assert!(done.status.success());
        done.stdout
    };
    let honest = cat();
    assert_eq!(honest.len() as u64, WANTED);
    bench.run(&["lock", "shared.toml"]).exits(0);
    bench.run(&["index", "push", "oci:layout:donor", "oci:indexes"]).exits(0);
    let lied_to = || {
        fs::remove_dir_all(bench.path("cache")).unwrap();
        bench.run(&["index", "pull", "oci:layout:donor", "oci:indexes"]).exits(0);
        tamper(&bench, "lent-layers-", |bytes| swapped(bytes, b"wanted", b"before"));
        // A listing believes it: the lie is there.
        let listed = bench.run(&["ls", "--format=json", "oci:layout:donor", "/d/wanted"]).exits(0);
        assert!(listed.stdout.contains("12000000"), "{}", listed.stdout);
    };
    for more in [&[][..], &["--locked"]] {
        lied_to();
        let build =
            ["build", "shared.toml", "--output=oci:out:shared", "--format=json", "--index-from=oci:indexes"];
        let args: Vec<&str> = build.iter().chain(more).copied().collect();
        let run = bench.run(&args).exits(0).json();
        assert_eq!(run["digest"], *first.digest(), "{more:?}: another file was taken");
    }
    lied_to();
    assert!(cat() == honest, "another file's bytes");
}
