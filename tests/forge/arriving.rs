//! Layers that are put together while their files come.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::parts::donor_layer;
use crate::parts::forget_contents;
use crate::rig::Bench;

const GRAFT: &str =
    "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"*.so\"] }";

/// A donor with libraries of 1 MiB and more, of less, and one that is there twice: a real ELF file, as the Python that
/// makes the images is one, with text behind its parts, which is nobody's business but the digest's.
fn images(bench: &Bench) {
    bench.images(
        r#"
text = b"".join(b"%d " % (n * 2654435761 % 2**32) for n in range(300000))
elf = open(sys.executable, "rb").read()
python = elf + text
donor = Layer().file("/d/a.so", python).file("/d/b.so", python + bytes(300000))
donor.file("/d/few", b"few").file("/d/small.so", elf).file("/d/x.so", python).file("/d/y.so", text)
tagged["base"] = Image([Layer().dir("/opt/lib", 0o755)])
tagged["donor"] = Image([donor])
"#,
    );
}

#[test]
fn a_layer_is_the_same_whether_its_files_come_or_are_there() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("a", GRAFT);
    assert!(first.said["layer"]["size"].as_u64().unwrap() > 3_000_000, "{}", first.said["layer"]);
    forget_contents(&bench);
    assert_eq!(bench.forge("a", GRAFT).digest(), first.digest());
    // Files that are there, and a layer that is not.
    fs::remove_dir_all(made(&bench)).unwrap();
    assert_eq!(bench.forge("a", GRAFT).digest(), first.digest());
}

fn made(bench: &Bench) -> PathBuf {
    let kinds = fs::read_dir(bench.path("cache/notes")).unwrap().map(|kind| kind.unwrap().path());
    let made = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("made-");
    kinds.into_iter().find(made).unwrap()
}

/// Flips a bit in the middle of a file that may not be written to.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The cache keeps blobs that are sent on. A file is followed out of such a one until its digest is wrong; then the layer
/// is read from where it came.
#[test]
fn a_file_that_comes_wrong_comes_once_more() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("a", GRAFT);
    forget_contents(&bench);
    let blob = donor_layer(&bench);
    let kept = bench.path("cache/blobs/sha256").join(blob.file_name().unwrap());
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::copy(&blob, &kept).unwrap();
    flip(&kept);
    assert_eq!(bench.forge("a", GRAFT).digest(), first.digest());
}

/// A made layer is what spares its files from being read, so it is taken away.
#[test]
fn damage_in_what_a_layer_is_made_of_is_mended() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("a", GRAFT);
    let blobs = fs::read_dir(bench.path("cache/blobs/sha256")).unwrap().map(|blob| blob.unwrap().path());
    let layer = first.said["layer"]["digest"].as_str().unwrap().replace("sha256:", "");
    let large = |path: &PathBuf| fs::metadata(path).unwrap().len() > (1 << 20) && !path.ends_with(&layer);
    let large: Vec<PathBuf> = blobs.filter(large).collect();
    assert!(large.len() >= 4, "files and blocks: {large:?}");
    for path in &large {
        flip(path);
        fs::remove_dir_all(made(&bench)).unwrap();
        assert_eq!(bench.forge("a", GRAFT).digest(), first.digest(), "{}", path.display());
    }
}

#[test]
fn a_file_that_does_not_come_is_no_layer() {
    let bench = Bench::new();
    images(&bench);
    let first = bench.forge("a", GRAFT);
    let blob = donor_layer(&bench);
    let whole = fs::read(&blob).unwrap();
    flip(&blob);
    forget_contents(&bench);
    bench.refuse(3, GRAFT);
    let leftovers = fs::read_dir(bench.path("cache/tmp")).unwrap().count();
    assert_eq!(leftovers, 0, "a draft was left");
    fs::write(&blob, whole).unwrap();
    assert_eq!(bench.forge("a", GRAFT).digest(), first.digest());
}
