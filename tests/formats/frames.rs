//! A file of a Zstandard layer is had from the frames that hold it.

use std::collections::BTreeMap;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;

use imgforge::index;
use imgforge::index::Wanted;
use imgforge::index::Word;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::layer::encode;
use imgforge::oci::Descriptor;
use imgforge::oci::DiffId;
use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::oci::Layer;
use imgforge::progress::Silent;
use imgforge::store::Store;

use crate::skip::skipped;

const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const BIG: usize = 12_000_000;

/// Half of it does not compress.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if at % 4096 < 2048 { state.to_be_bytes()[0] } else { seed as u8 }
    };
    (0..length).map(next).collect()
}

fn contents() -> [(&'static str, Vec<u8>); 4] {
    [("/d/a", noise(BIG, 1)), ("/d/b", noise(700_000, 2)), ("/d/c", noise(BIG, 3)), ("/d/d", b"few".to_vec())]
}

fn tar() -> Vec<u8> {
    let mut changes = Changeset::default();
    for (name, bytes) in contents() {
        let entry = Entry { meta: Meta::root(0o644), node: Node::File(Content::Bytes(bytes)) };
        changes.upserts.insert(ImagePath::absolute(name).unwrap(), entry);
    }
    let mut tar = Vec::new();
    encode::encode(&changes, &mut |_, _| unreachable!("all is in memory"), &mut tar).unwrap();
    tar
}

/// What a program of this machine makes of the tar; `None`, and said so, where there is none.
fn piped(program: &[&str], tar: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        skipped(&format!("no {}", program[0]));
        return None;
    };
    let (mut input, tar) = (child.stdin.take().unwrap(), tar.to_vec());
    let feeding = std::thread::spawn(move || input.write_all(&tar));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

/// A layer that was read whole once, and the ranges that were read of it since.
struct Known {
    _directory: tempfile::TempDir,
    store: Store,
    layer: Layer,
    blob: Vec<u8>,
    read: Mutex<Vec<Range<u64>>>,
}

impl Known {
    fn new(tar: &[u8], blob: Vec<u8>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let layer = Layer { descriptor: Descriptor::of(ZSTD, &blob), diff_id: DiffId(Digest::of(tar)) };
        let bytes = blob.clone();
        let mut open = || Ok::<Box<dyn Read + Send>, io::Error>(Box::new(Cursor::new(bytes.clone())));
        index::obtain(&store, &layer, &mut open, &|_| false, &Silent).unwrap();
        Self { _directory: directory, store, layer, blob, read: Mutex::default() }
    }

    fn offset(&self, name: &str) -> (u64, u64) {
        let mut never = || Err::<Box<dyn Read + Send>, io::Error>(io::ErrorKind::NotFound.into());
        let known = index::obtain(&self.store, &self.layer, &mut never, &|_| false, &Silent).unwrap();
        let entry = &known.changeset.upserts[&ImagePath::absolute(name).unwrap()];
        let Node::File(Content::InLayer { offset, size }) = entry.node else { panic!("{name} is no file") };
        (offset, size)
    }

    /// Takes a file in part; how much was read for it.
    fn take(&self, name: &str, pinned: bool) -> Result<u64, String> {
        let bytes = contents().into_iter().find(|(other, _)| *other == name).unwrap().1;
        let (offset, size) = self.offset(name);
        let digest = pinned.then(|| Digest::of(&bytes));
        let wanted = BTreeMap::from([(offset, Wanted::new(size, digest))]);
        let access = index::access::known(&self.store, &self.layer.descriptor.digest, Word::Own).unwrap();
        let open = |range: Range<u64>| {
            self.read.lock().unwrap().push(range.clone());
            let bytes = self.blob[range.start as usize..range.end as usize].to_vec();
            Ok::<Box<dyn Read + Send>, io::Error>(Box::new(Cursor::new(bytes)))
        };
        let found = index::extract(&self.store, &self.layer, (&access, Word::Own), &wanted, &open);
        let found = found.map_err(|error| error.to_string())?.ok_or("no way")?;
        assert_eq!(found[&offset].digest, Digest::of(&bytes), "{name}");
        Ok(self.read.lock().unwrap().drain(..).map(|range| range.end - range.start).sum())
    }
}

#[test]
fn of_a_layer_of_many_frames_only_those_of_the_file_are_read() {
    let tar = tar();
    // pzstd cuts by its level and thread count: pieces of 2 MiB here.
    let Some(blob) = piped(&["pzstd", "-1", "-p", "2", "-c"], &tar) else { return };
    let known = Known::new(&tar, blob);
    let whole = known.blob.len() as u64;
    for (name, bytes) in contents() {
        let read = known.take(name, true).unwrap();
        let share = bytes.len() as u64 * whole / tar.len() as u64;
        assert!(read < share + whole / 3, "{name}: {read} of {whole} bytes for {share}");
        assert!(read < whole, "{name}: all was read");
    }
    // By the states of the blob's hash, which are 4 MiB apart.
    let read = known.take("/d/d", false).unwrap();
    assert!(read <= (8 << 20), "{read}");
}

#[test]
fn of_a_layer_of_one_frame_no_more_is_claimed_than_is_so() {
    let tar = tar();
    let Some(blob) = piped(&["zstd", "-3", "-c"], &tar) else { return };
    let known = Known::new(&tar, blob);
    for (name, pinned) in [("/d/a", true), ("/d/d", true), ("/d/b", false)] {
        assert_eq!(known.take(name, pinned).unwrap(), known.blob.len() as u64, "{name}");
    }
}

#[test]
fn parts_that_are_not_the_layers_are_refused() {
    let tar = tar();
    let Some(blob) = piped(&["pzstd", "-1", "-p", "2", "-c"], &tar) else { return };
    let mut known = Known::new(&tar, blob);
    let middle = known.blob.len() / 4;
    for at in [middle, middle + 1, middle + 5000] {
        known.blob[at] ^= 0x10;
        for pinned in [true, false] {
            known.take("/d/a", pinned).unwrap_err();
            known.read.lock().unwrap().clear();
        }
        known.blob[at] ^= 0x10;
    }
    known.take("/d/a", false).unwrap();
}
