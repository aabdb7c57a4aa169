//! Ctrl-C while a layer is read: the next run fetches only the rest.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use std::time::Instant;

use imgforge::oci::Descriptor;
use imgforge::oci::Layer;
use serde_json::json;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::partial::made;
use crate::pull::with_blob;
use crate::rig::CONFIG;
use crate::rig::MANIFEST;

/// So long 64 KiB take while it is slow: the layer of 24 MiB takes eight seconds.
const PACE: Duration = Duration::from_millis(20);

/// A registry that can be slow, with an image of this layer.
fn serve(layer: &Layer, blob: &[u8], slow: &Arc<AtomicBool>, stalled: bool) -> Fake {
    let mut memory = with_blob(blob);
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id.0.to_string()]}});
    let config = config.to_string().into_bytes();
    memory.put_blob("r", &config);
    let document = json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": Descriptor::of(CONFIG, &config), "layers": [layer.descriptor]});
    memory.put_manifest("r", "1", MANIFEST, document.to_string().as_bytes());
    let (is_slow, digest) = (slow.clone(), layer.descriptor.digest.to_string());
    Fake::start(move |call| {
        let answer = memory.answer(call);
        if !call.is("GET", &digest) || !is_slow.load(SeqCst) {
            return answer;
        }
        match (stalled, call.header("range").is_empty()) {
            (false, _) => Answer { pace: Some(PACE), ..answer },
            // A server that goes away in the middle and then takes connections without answering.
            (true, true) => Answer { cut: Some(9 << 20), ..answer },
            (true, false) => Answer { stall: Some(Duration::from_secs(60)), ..answer },
        }
    })
}

fn imgforge(fake: &Fake, cache: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    command.args(["ls", "-R", &format!("docker://{}/r:1", fake.host), "/"]).args(more);
    command.env("IMGFORGE_CACHE_DIR", cache).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn signal(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}

fn files(place: &Path) -> Vec<String> {
    let all = std::fs::read_dir(place).into_iter().flatten();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_interrupted_pass_leaves_what_it_has_learned() {
    let (layer, blob) = made(12);
    let slow = Arc::new(AtomicBool::new(true));
    let fake = serve(&layer, &blob, &slow, false);
    let (work, hex) = (tempfile::tempdir().unwrap(), layer.descriptor.digest.hex());
    for more in [&[][..], &["--progress=none"], &["--progress=bars"]] {
        let cache = work.path().join(more.concat());
        slow.store(true, SeqCst);
        let before = fake.seen("GET", "/blobs/").len();
        let child = imgforge(&fake, &cache, more).spawn().unwrap();
        while fake.seen("GET", "/blobs/").len() < before + 2 {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_secs(3));
        signal(child.id());
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(130), "{more:?}: {told}");
        assert!(!told.contains("error") && ended.stdout.is_empty(), "{more:?}: {told}");
        assert_eq!(files(&cache.join("notes/partial-4")), std::slice::from_ref(&hex), "{more:?}");
        assert_eq!(files(&cache.join("tmp")), Vec::<String>::new(), "{more:?}");
        slow.store(false, SeqCst);
        let before = fake.seen("GET", &hex).len();
        assert!(imgforge(&fake, &cache, more).output().unwrap().status.success());
        let asked = fake.seen("GET", &hex).split_off(before);
        let range = asked[0].header("range").trim_start_matches("bytes=").to_owned();
        let first: usize = range.split('-').next().unwrap().parse().unwrap();
        assert!(asked.len() == 1 && first >= 2 << 20, "{more:?}: {range}");
        let elsewhere = work.path().join("undisturbed");
        assert!(imgforge(&fake, &elsewhere, &[]).output().unwrap().status.success());
        for kind in ["layers-12", "access-2"] {
            let note = |cache: &Path| std::fs::read(cache.join("notes").join(kind).join(&hex)).unwrap();
            assert!(note(&cache) == note(&elsewhere), "{more:?}: {kind}");
        }
    }
}

#[test]
fn a_pass_whose_connection_stalls_ends_soon() {
    let (layer, blob) = made(12);
    let fake = serve(&layer, &blob, &Arc::new(AtomicBool::new(true)), true);
    let work = tempfile::tempdir().unwrap();
    let child = imgforge(&fake, work.path(), &[]).spawn().unwrap();
    while fake.seen("GET", &layer.descriptor.digest.to_string()).len() < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Until all that came is looked at.
    std::thread::sleep(Duration::from_secs(3));
    let begun = Instant::now();
    signal(child.id());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(files(&work.path().join("notes/partial-4")).len(), 1);
}
