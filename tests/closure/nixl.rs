//! NIXL's UCX plugin from one release to the next, on the wheels of PyPI.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::elves::skipped;
use crate::program::closure;
use crate::program::texts;

const PLUGIN: &str = ".nixl_cu12.mesonpy.libs/plugins/libplugin_UCX.so";
const HELPER: &str = ".nixl_cu12.mesonpy.libs/libucx_utils.so";

/// The unpacked wheels, by version; `None`, and said so, when they cannot be had.
fn wheels(bench: &Path) -> Option<BTreeMap<String, PathBuf>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut trees = BTreeMap::new();
    for (pins, versions) in [("closure/pins.toml", &["0.7.1", "0.8.0"][..]), ("real/pins.toml", &["0.6.1"])] {
        let mut fetch = Command::new("python3");
        fetch.arg(top.join("fetch.py")).arg(top.join(pins));
        if pins.starts_with("real") {
            fetch.args(["--group", "donor"]);
        }
        let done = fetch.output().unwrap();
        if !done.status.success() {
            skipped(&format!("no wheels: {}", String::from_utf8_lossy(&done.stderr)));
            return None;
        }
        for line in String::from_utf8(done.stdout).unwrap().lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            if columns[1].starts_with("nixl") && versions.contains(&columns[2]) {
                let tree = bench.join(columns[2]);
                let unpack =
                    Command::new("python3").args(["-m", "zipfile", "-e", columns[4]]).arg(&tree).status();
                assert!(unpack.unwrap().success());
                trees.insert(columns[2].to_owned(), tree);
            }
        }
    }
    Some(trees)
}

/// What the system's loader finds undefined when everything in the file is bound, C++ names only: those of the
/// driver, which is not here, are C.
fn undefined(file: &Path) -> BTreeSet<String> {
    let done = Command::new("ldd").arg("-r").arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    let names = text
        .lines()
        .filter_map(|line| line.split_once("undefined symbol: ")?.1.split(['\t', ' ', ',']).next());
    names.filter(|name| name.starts_with("_Z")).map(str::to_owned).collect()
}

/// Copies files of one tree into another.
fn put(from: &Path, to: &Path, files: &[&str]) {
    for file in files {
        fs::copy(from.join(file.trim_start_matches('/')), to.join(file.trim_start_matches('/'))).unwrap();
    }
}

/// Files by path without the hash, with their digests, as Python has them: nothing of the program is asked.
fn census(old: &Path, new: &Path) -> serde_json::Value {
    let script = r"
import hashlib, json, os, re, sys
def files(root):
    out = {}
    for base, _, names in os.walk(root):
        for name in names:
            path = os.path.join(base, name)
            data = open(path, 'rb').read()
            if data[:4] == b'\x7fELF' and not os.path.islink(path):
                key = re.sub(r'-[0-9a-f]{8}(?=\.)', '', os.path.relpath(path, root))
                out[key] = hashlib.sha256(data).hexdigest()
    return out
a, b = files(sys.argv[1]), files(sys.argv[2])
both = set(a) & set(b)
print(json.dumps({'paired': len(both), 'identical': sum(a[k] == b[k] for k in both), 'old': len(a), 'new': len(b)}))
";
    let done = Command::new("python3").args(["-c", script]).args([old, new]).output().unwrap();
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn the_ucx_plugin_brings_its_helper_and_no_more() {
    let bench = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let Some(trees) = wheels(bench.path()) else { return };
    let found = closure(bench.path(), &["dir:0.7.1", "dir:0.8.0", "--seed", PLUGIN]);
    assert_eq!(texts(&found["needed_to_load"]), [format!("/{HELPER}"), format!("/{PLUGIN}")]);
    let file =
        found["files"].as_array().unwrap().iter().find(|file| file["path"] == format!("/{HELPER}")).unwrap();
    let names = texts(&file["reasons"][0]["names"]);
    assert!(names.iter().any(|name| name.starts_with("_ZN14nixlUcxContextC1")), "{names:?}");
    // The release's own UCX has other hashes in its names: it comes beside the old one.
    let brought = texts(&found["brought_along"]["needed_to_load"]);
    let stems: Vec<&str> =
        brought.iter().map(|path| path.rsplit('/').next().unwrap().split('-').next().unwrap()).collect();
    assert_eq!(stems, ["libucm", "libucp", "libucs", "libuct"]);
    let together =
        texts(&found["built_together"]).len() + texts(&found["brought_along"]["built_together"]).len();
    assert_eq!(together, 20);

    // The files are counted as Python counts them.
    let census = census(&trees["0.7.1"], &trees["0.8.0"]);
    for count in ["old", "new", "paired"] {
        assert_eq!(found["counts"][count], census[count], "{count}");
    }
    assert_eq!(census["paired"], 189);
    // A build-id may say that files of different bytes are one build, never the other way round.
    assert!(found["counts"]["identical"].as_u64() >= census["identical"].as_u64(), "{census}");

    // The same, asked of the system's loader: the plugin alone, without its helper, and all of it.
    let mixture = bench.path().join("mixture");
    let copy = Command::new("cp").arg("-a").arg(&trees["0.7.1"]).arg(&mixture).status();
    assert!(copy.unwrap().success());
    let own = undefined(&trees["0.8.0"].join(PLUGIN));
    assert!(own.is_empty(), "{own:?}");
    put(&trees["0.8.0"], &mixture, &[&[PLUGIN], brought.as_slice()].concat());
    let open = undefined(&mixture.join(PLUGIN));
    assert_eq!(open.len(), 2, "{open:?}");
    put(&trees["0.8.0"], &mixture, &[HELPER]);
    assert_eq!(undefined(&mixture.join(PLUGIN)), BTreeSet::new());
}

#[test]
fn the_release_before_has_the_same_answer() {
    let bench = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if wheels(bench.path()).is_none() {
        return;
    }
    let maps = [".nixl.mesonpy.libs=.nixl_cu12.mesonpy.libs", "nixl.libs=nixl_cu12.libs", "nixl=nixl_cu12"];
    let mut arguments = vec!["dir:0.6.1", "dir:0.7.1", "--seed", PLUGIN];
    maps.iter().for_each(|map| arguments.extend(["--map", map]));
    let found = closure(bench.path(), &arguments);
    let replaced = texts(&found["needed_to_load"]);
    assert_eq!(
        replaced,
        ["/.nixl.mesonpy.libs/libucx_utils.so", "/.nixl.mesonpy.libs/plugins/libplugin_UCX.so"]
    );
    let text = found.to_string();
    assert!(text.contains("nixl::ucx::createGpuXferReq"), "{text}");
}
