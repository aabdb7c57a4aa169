//! A layer whose connection ends for good in the middle: the next run fetches only the rest.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use imgforge::index;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::layer::compress;
use imgforge::layer::encode;
use imgforge::oci::Compression;
use imgforge::oci::DiffId;
use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::oci::Layer;
use imgforge::progress::Silent;
use imgforge::store::Store;
use imgforge::transport::Source;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::pull::with_blob;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::reference;
use crate::rig::registry;

const CUT: u64 = 11_000_000;

/// A gzip layer of files of 2 MiB of noise, and its blob.
pub(crate) fn made(files: usize) -> (Layer, Vec<u8>) {
    let mut changes = Changeset::default();
    for (number, bytes) in noise(files * (2 << 20)).chunks(2 << 20).enumerate() {
        let path = ImagePath::absolute(&format!("/opt/{number}")).unwrap();
        let entry = Entry { meta: Meta::root(0o644), node: Node::File(Content::Bytes(bytes.to_vec())) };
        changes.upserts.insert(path, entry);
    }
    let mut tar = Vec::new();
    encode::encode(&changes, &mut |_, _| unreachable!("all is in memory"), &mut tar).unwrap();
    let mut writer = compress::writer(Compression::Gzip, Vec::new()).unwrap();
    writer.write_all(&tar).unwrap();
    let blob = writer.finish().unwrap();
    (Layer { descriptor: layer(&blob), diff_id: DiffId(Digest::of(&tar)) }, blob)
}

#[test]
fn a_run_after_a_lost_connection_fetches_the_rest() {
    let (layer, blob) = made(6);
    let broken = Arc::new(AtomicBool::new(true));
    let (mut memory, is_broken) = (with_blob(&blob), broken.clone());
    let fake = Fake::start(move |call| {
        let blob = call.is("GET", "/blobs/") && is_broken.load(SeqCst);
        let first = call.header("range").is_empty();
        Answer { cut: blob.then_some(if first { CUT as usize } else { 0 }), ..memory.answer(call) }
    });
    let run = |store: &Store| {
        let source = registry().source(&reference(&fake.host, "r"));
        let open = &mut |offset| source.open(&layer.descriptor, offset);
        index::obtain_on(store, &layer, open, &|_| false, &Silent)
    };
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    run(&store).unwrap_err();
    let before = fake.seen("GET", "/blobs/").len();
    broken.store(false, SeqCst);
    let rest = run(&store).unwrap();
    let asked = fake.seen("GET", "/blobs/").split_off(before);
    let first: Vec<u64> = asked
        .iter()
        .map(|call| {
            call.header("range").trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap()
        })
        .collect();
    // The file that was cut begins after 8 MiB and a few headers, and an anchor of the hash is right before it.
    assert_eq!(first, [8 << 20], "from the last anchor before the last restart point, in one request");

    let elsewhere = tempfile::tempdir().unwrap();
    let whole = run(&Store::open(elsewhere.path()).unwrap()).unwrap();
    assert_eq!(rest, whole);
    let access = |place: &tempfile::TempDir| {
        let name = format!("notes/access-2/{}", layer.descriptor.digest.hex());
        std::fs::read(place.path().join(name)).unwrap()
    };
    assert!(access(&directory) == access(&elsewhere), "the ways into the layer differ");
}
