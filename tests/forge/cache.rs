//! The cache: shared by processes, pruned under them, damaged and mended.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::rig;
use crate::rig::Bench;

const RECIPE: &str = "recipes/libfabric.toml";
/// Files of one kind whose bits are flipped one by one, unless `IMGFORGE_FLIPS=all`.
const SAMPLE: usize = 3;

/// The real recipe on the mini fixtures, built into `oci:OUTPUT:x`.
fn arguments(bench: &Bench, output: &str) -> Vec<String> {
    let recipe = rig::top().join(RECIPE).display().to_string();
    let words = ["build".to_owned(), recipe, format!("--output=oci:{output}:x"), "--format=json".to_owned()];
    words.into_iter().chain(bench.mini_args()).collect()
}

fn build(bench: &Bench, output: &str) -> rig::Ran {
    let words = arguments(bench, output);
    bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn start(bench: &Bench, words: &[String]) -> Child {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    bench.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every blob and note of the cache, by the directory it is in.
fn files(bench: &Bench) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut all: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for part in ["cache/blobs", "cache/notes"] {
        for entry in walkdir::WalkDir::new(bench.path(part)).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let kind = entry.path().parent().unwrap().to_owned();
                all.entry(kind).or_default().insert(entry.into_path());
            }
        }
    }
    all
}

fn replace(path: &Path, bytes: &[u8]) {
    drop(fs::remove_file(path));
    fs::write(path, bytes).unwrap();
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

#[expect(clippy::disallowed_methods, reason = "how much is tried is the caller's to say")]
fn sample(files: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let all = std::env::var("IMGFORGE_FLIPS").as_deref() == Ok("all");
    let step = if all { 1 } else { files.len().div_ceil(SAMPLE) };
    files.iter().step_by(step).cloned().collect()
}

fn repair(bench: &Bench) -> Vec<String> {
    let report = bench.run(&["cache", "repair", "--format=json"]).exits(0).json();
    let removed = report["removed"].as_array().unwrap();
    removed.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
}

/// What a build says of its result, without what it has cost.
fn said(run: &rig::Ran) -> serde_json::Value {
    let mut said = run.json();
    said.as_object_mut().unwrap().remove("costs");
    said
}

/// T28: one bit of one file, whatever it is: the same build says and makes the same, findings included.
#[test]
fn t28_a_bit_flipped_in_any_file_of_a_warm_cache_changes_nothing() {
    let bench = Bench::new();
    build(&bench, "out").exits(0);
    let good = said(&build(&bench, "out").exits(0));
    let (mut mended, mut unread) = (0, 0);
    for path in files(&bench).values().flat_map(sample) {
        let sound = fs::read(&path).unwrap();
        replace(&path, &flipped(&sound));
        let run = build(&bench, "out");
        assert_eq!(run.code, Some(0), "{}: {}", path.display(), run.stderr);
        assert_eq!(said(&run), good, "{}", path.display());
        match fs::read(&path).ok().filter(|now| *now == flipped(&sound)) {
            Some(_) => unread += 1,
            None => mended += 1,
        }
        replace(&path, &sound);
    }
    println!("{mended} damaged files were found by the build, {unread} not read by it");
    assert!(mended > 0);
    // And nothing but the damaged one went or was made otherwise.
    assert_eq!(repair(&bench), Vec::<String>::new());
}

/// All of them at once: `repair` names each, and the next build makes the same again.
#[test]
fn repair_finds_every_flipped_bit() {
    let bench = Bench::new();
    let good = build(&bench, "out").exits(0).json();
    let all: BTreeSet<PathBuf> = files(&bench).into_values().flatten().collect();
    for path in &all {
        replace(path, &flipped(&fs::read(path).unwrap()));
    }
    let found: BTreeSet<PathBuf> =
        repair(&bench).into_iter().map(|path| bench.path("cache").join(path)).collect();
    assert_eq!(found, all);
    assert_eq!(build(&bench, "again").exits(0).json()["digest"], good["digest"]);
    assert_eq!(repair(&bench), Vec::<String>::new());
}

/// Two builds begin on a fresh cache at once, everything is pruned as soon as they end, a third comes meanwhile.
#[test]
fn processes_share_a_cache_that_is_pruned_under_them() {
    let mut digests = BTreeSet::new();
    for _ in 0..3 {
        let bench = Bench::new();
        let prune = ["cache", "prune", "--size=0", "--wait=10m"].map(str::to_owned);
        let both = [start(&bench, &arguments(&bench, "a")), start(&bench, &arguments(&bench, "b"))];
        let pruning = start(&bench, &prune);
        let third = start(&bench, &arguments(&bench, "c"));
        for built in both.into_iter().chain([third]).map(ended) {
            let said: Value = serde_json::from_str(&built).unwrap();
            digests.insert(said["digest"].as_str().unwrap().to_owned());
        }
        ended(pruning);
        build(&bench, "d").exits(0);
        assert_eq!(repair(&bench), Vec::<String>::new());
        assert_eq!(fs::read_dir(bench.path("cache/tmp")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(bench.path("cache/partial")).unwrap().count(), 0);
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
}

fn age_all(bench: &Bench, days: u64) {
    for path in files(bench).into_values().flatten() {
        let then = fs::metadata(&path).unwrap().modified().unwrap() - Duration::from_hours(24 * days);
        fs::File::open(&path).unwrap().set_modified(then).unwrap();
    }
}

/// What a warm build uses is young afterwards, by itself or by what relies on it; the rest can go without being missed.
#[test]
fn what_a_build_uses_is_what_pruning_keeps() {
    let bench = Bench::new();
    let good = build(&bench, "out").exits(0).json();
    let layers: Vec<PathBuf> = ["h100-v19-flashinfer-stub", "1.2.0rc5"]
        .into_iter()
        .flat_map(|tag| {
            let layout = rig::mini().join("layout");
            let manifest = rig::json_blob(&layout, &rig::tagged(&layout, tag).unwrap());
            let layers = manifest["layers"].as_array().unwrap().clone();
            layers.into_iter().map(|layer| rig::blob(&bench.path("cache"), layer["digest"].as_str().unwrap()))
        })
        .collect();
    assert!(layers.iter().any(|layer| layer.exists()));
    age_all(&bench, 40);
    build(&bench, "out").exits(0);
    bench.run(&["cache", "prune", "--age=30d"]).exits(0);
    assert_eq!(layers.iter().filter(|layer| layer.exists()).count(), 0, "a warm build reads no layer");
    assert_eq!(build(&bench, "again").exits(0).json()["digest"], good["digest"]);
    assert_eq!(
        layers.iter().filter(|layer| layer.exists()).count(),
        0,
        "something that is needed was pruned"
    );
}

/// Notes that name blobs outlive them: a blob that is not there is fetched again.
#[test]
fn notes_whose_blobs_are_gone_are_no_error() {
    let bench = Bench::new();
    let good = build(&bench, "out").exits(0).json();
    fs::remove_dir_all(bench.path("cache/blobs")).unwrap();
    assert_eq!(build(&bench, "again").exits(0).json()["digest"], good["digest"]);
    assert_eq!(repair(&bench), Vec::<String>::new());
}

#[test]
fn pruning_waits_for_others_and_others_for_it() {
    let bench = Bench::new();
    bench.images("tagged['base'] = Image([Layer().file('/a', b'1')])");
    let list = ["ls", "oci:layout:base"].map(str::to_owned);
    ended(start(&bench, &list));
    let lock = fs::OpenOptions::new().append(true).open(bench.path("cache/lock")).unwrap();
    // A leftover is nobody's while nobody is there; now somebody is.
    fs::write(bench.path("cache/tmp/draft-1-0-x"), "x").unwrap();
    lock.lock_shared().unwrap();
    for command in ["prune --size=0", "repair"] {
        let words: Vec<&str> = ["cache"].into_iter().chain(command.split(' ')).chain(["--wait=0s"]).collect();
        let run = bench.run(&words).exits(3).says("other commands still use the cache");
        run.says("hint: let the builds that run now end");
    }
    ended(start(&bench, &list));
    assert!(bench.path("cache/tmp/draft-1-0-x").exists(), "it may be the other's");
    lock.unlock().unwrap();
    lock.lock().unwrap();
    let waiting = start(&bench, &list);
    std::thread::sleep(Duration::from_secs(2));
    lock.unlock().unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("waiting: `imgforge cache` is at work"), "{said}");
    ended(start(&bench, &list));
    assert!(!bench.path("cache/tmp/draft-1-0-x").exists());
}
