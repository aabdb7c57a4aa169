//! zTOCs, made by SOCI's own library: fixtures/formats/soci.

use std::collections::BTreeMap;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use imgforge::index;
use imgforge::index::Access;
use imgforge::index::LayerIndex;
use imgforge::index::Wanted;
use imgforge::index::Word;
use imgforge::index::table::soci;
use imgforge::layer::Content;
use imgforge::layer::Node;
use imgforge::oci::Descriptor;
use imgforge::oci::DiffId;
use imgforge::oci::Digest;
use imgforge::oci::Layer;
use imgforge::progress::Silent;
use imgforge::store::Store;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;

type Opened = io::Result<Box<dyn Read + Send>>;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats").join(name)).unwrap()
}

fn ztoc() -> Vec<u8> {
    zstd::decode_all(fixture("plain.ztoc.zst").as_slice()).unwrap()
}

struct Bench {
    _directory: tempfile::TempDir,
    store: Store,
    layer: Layer,
    blob: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let blob = fixture("plain.tar.gz");
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(blob.as_slice()).read_to_end(&mut tar).unwrap();
        let descriptor = Descriptor::of("application/vnd.oci.image.layer.v1.tar+gzip", &blob);
        Self {
            _directory: directory,
            store,
            layer: Layer { descriptor, diff_id: DiffId(Digest::of(&tar)) },
            blob,
        }
    }

    /// By reading all of it: the truth, and the digests of files by their places.
    fn whole(&self) -> (LayerIndex, BTreeMap<u64, Wanted>) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut open = || -> Opened { Ok(Box::new(Cursor::new(self.blob.clone()))) };
        let index = index::obtain(&store, &self.layer, &mut open, &|_| false, &Silent).unwrap();
        let files = index.changeset.upserts.values().filter_map(|entry| match entry.node {
            Node::File(Content::InLayer { offset, size }) => Some((offset, Wanted::new(size, None))),
            _ => None,
        });
        let files: BTreeMap<u64, Wanted> = files.collect();
        let found = index::copy_out(&store, &self.layer, &mut open, &files, &Silent).unwrap();
        let known = |(offset, extract): (u64, index::Extract)| {
            (offset, Wanted::new(extract.size, Some(extract.digest)))
        };
        (index, found.into_iter().map(known).collect())
    }

    /// Takes one file by the access; how much was read.
    fn take(&self, access: &Access, offset: u64, wanted: &Wanted) -> Option<u64> {
        let read = AtomicU64::new(0);
        let open = |range: Range<u64>| -> Opened {
            read.fetch_add(range.end - range.start, Ordering::Relaxed);
            Ok(Box::new(Cursor::new(self.blob[range.start as usize..range.end as usize].to_vec())))
        };
        let wanted = BTreeMap::from([(offset, wanted.clone())]);
        let found = index::extract(&self.store, &self.layer, (access, Word::Own), &wanted, &open).ok()??;
        assert_eq!(Some(found[&offset].digest), wanted[&offset].digest);
        Some(read.into_inner())
    }
}

#[test]
fn a_ztoc_tells_what_the_tar_holds_and_leads_to_it() {
    let bench = Bench::new();
    let size = bench.blob.len() as u64;
    let (changes, access) = soci::parse(&ztoc(), size).unwrap();
    let (whole, files) = bench.whole();
    assert_eq!(changes, whole.changeset);
    assert!(changes.upserts.len() > 12);
    let read: Vec<u64> =
        files.iter().map(|(offset, wanted)| bench.take(&access, *offset, wanted).unwrap()).collect();
    assert!(read.iter().any(|read| *read < size / 2), "{read:?} of {size}");
    // Without a digest nothing says that bytes are right.
    let (offset, wanted) = files.iter().next().unwrap();
    assert!(bench.take(&access, *offset, &Wanted { digest: None, ..wanted.clone() }).is_none());
}

#[test]
fn a_ztoc_of_something_else_is_none() {
    let (ztoc, size) = (ztoc(), fixture("plain.tar.gz").len() as u64);
    assert!(soci::parse(&ztoc, size + 1).is_none());
    assert!(soci::parse(b"", size).is_none());
    for end in (0..ztoc.len()).step_by(997) {
        assert!(soci::parse(&ztoc[..end], size).is_none(), "cut at {end}");
    }
    let at = ztoc.windows(3).position(|bytes| bytes == b"0.9").unwrap();
    let mut other = ztoc;
    other[at] = b'1';
    assert!(soci::parse(&other, size).is_none());
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn a_damaged_ztoc_never_gives_wrong_bytes(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
    ) {
        let bench = Bench::new();
        let (_, files) = bench.whole();
        let mut bad = ztoc();
        // The tables are before and behind the windows, which are most of it.
        let length = bad.len();
        for (place, byte, near) in changes {
            let at = if near { place.index(6000) } else { length - 1 - place.index(6000) };
            bad[at] = byte;
        }
        if let Some((_, access)) = soci::parse(&bad, bench.blob.len() as u64) {
            for (offset, wanted) in &files {
                // The digest is compared inside: what comes is right, or nothing comes.
                let read = bench.take(&access, *offset, wanted);
                prop_assert!(read.is_none_or(|read| read <= bench.blob.len() as u64));
            }
        }
    }
}
