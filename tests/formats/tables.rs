//! Tables of contents that layers carry, made by the libraries of the tools that write them: fixtures/formats.

use std::collections::BTreeMap;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use imgforge::index;
use imgforge::index::Extract;
use imgforge::index::LayerIndex;
use imgforge::index::Wanted;
use imgforge::index::table;
use imgforge::layer::Content;
use imgforge::layer::Node;
use imgforge::oci::Descriptor;
use imgforge::oci::DiffId;
use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::oci::Layer;
use imgforge::progress::Silent;
use imgforge::store::Store;
use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::proptest;
use serde_json::Value;
use serde_json::json;

const NAMES: [&str; 4] = ["chunked.tar.zst", "estargz.tar.zst", "estargz.tar.gz", "estargz-packed.tar.gz"];
const CHUNKED: &str = "io.github.containers.zstd-chunked";

struct Bench {
    _directory: tempfile::TempDir,
    store: Store,
    layer: Layer,
    blob: Vec<u8>,
    read: AtomicU64,
}

impl Bench {
    fn new(layer: Layer, blob: Vec<u8>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        Self { _directory: directory, store, layer, blob, read: AtomicU64::new(0) }
    }

    fn fixture(name: &str) -> Self {
        let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
        let blob = std::fs::read(place.join(name)).unwrap();
        let all: Value = serde_json::from_slice(&std::fs::read(place.join("layers.json")).unwrap()).unwrap();
        let descriptor: Descriptor = serde_json::from_value(all[name].clone()).unwrap();
        assert_eq!(descriptor.digest, Digest::of(&blob), "{name}: run fixtures/formats/make.sh");
        let diff_id = DiffId(all[name]["diffId"].as_str().unwrap().parse().unwrap());
        Self::new(Layer { descriptor, diff_id }, blob)
    }

    /// A layer of which nothing but the table's place is right.
    fn listing(json: &Value) -> Self {
        let packed = zstd::bulk::compress(json.to_string().as_bytes(), 1).unwrap();
        let blob = [&[0; 1000][..], &packed].concat();
        let mut descriptor = Descriptor::of("application/vnd.oci.image.layer.v1.tar+zstd", &blob);
        let position = format!("1000:{}:0:1", packed.len());
        descriptor.annotations.insert(format!("{CHUNKED}.manifest-position"), position);
        descriptor
            .annotations
            .insert(format!("{CHUNKED}.manifest-checksum"), Digest::of(&packed).to_string());
        Self::new(Layer { descriptor, diff_id: DiffId(Digest::of(b"")) }, blob)
    }

    fn range(&self, range: Range<u64>) -> io::Result<Box<dyn Read + Send>> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        let bytes =
            self.blob.get(range.start as usize..range.end as usize).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Box::new(Cursor::new(bytes.to_vec())))
    }

    fn table(&self) -> Option<LayerIndex> {
        let table = table::obtain(&self.store, &self.layer, &|range| self.range(range))?;
        Some(table.into_index(&self.layer))
    }

    fn take(
        &self,
        wanted: &BTreeMap<u64, Wanted>,
    ) -> Result<BTreeMap<u64, Extract>, index::Error<io::Error>> {
        table::take(&self.store, &self.layer, wanted, &|range| self.range(range))
    }

    /// By reading all of it, into a store of its own: the truth.
    fn whole(&self) -> (LayerIndex, BTreeMap<ImagePath, Digest>) {
        let other = Self::new(self.layer.clone(), self.blob.clone());
        let mut open = || other.range(0..other.blob.len() as u64);
        let index = index::obtain(&other.store, &self.layer, &mut open, &|_| false, &Silent).unwrap();
        let wanted = files(&index).map(|(_, offset, size)| (offset, Wanted::new(size, None))).collect();
        let found = index::copy_out(&other.store, &self.layer, &mut open, &wanted, &Silent).unwrap();
        let digests = files(&index).map(|(path, offset, _)| (path.clone(), found[&offset].digest)).collect();
        (index, digests)
    }
}

fn files(index: &LayerIndex) -> impl Iterator<Item = (&ImagePath, u64, u64)> {
    index.changeset.upserts.iter().filter_map(|(path, entry)| match entry.node {
        Node::File(Content::InLayer { offset, size }) => Some((path, offset, size)),
        _ => None,
    })
}

/// Everything that is to be the same whoever tells it: where files are is not.
fn told(index: &LayerIndex) -> BTreeMap<String, String> {
    let looks = |node: &Node| match node {
        Node::File(content) => format!("a file of {} bytes", content.size()),
        other => format!("{other:?}"),
    };
    let entries = index.changeset.upserts.iter();
    entries
        .map(|(path, entry)| (path.to_string(), format!("{:?} {}", entry.meta, looks(&entry.node))))
        .collect()
}

#[test]
fn a_table_tells_what_the_tar_holds() {
    for name in NAMES {
        let bench = Bench::fixture(name);
        let listed = bench.table().unwrap_or_else(|| panic!("{name}: no table"));
        let (whole, _) = bench.whole();
        let (listed_names, mut names) = (told(&listed), told(&whole));
        // In gzip the table is a file of the tar too, and lists all others.
        names.remove("/stargz.index.json");
        assert_eq!(listed_names, names, "{name}");
        assert_eq!(listed.changeset.removals, whole.changeset.removals, "{name}");
        assert_eq!(listed.changeset.opaque, whole.changeset.opaque, "{name}");
        assert!(
            names.len() > 12 && !whole.changeset.opaque.is_empty() && !whole.changeset.removals.is_empty()
        );
        let read = bench.read.swap(0, Ordering::Relaxed);
        assert!(read < 2000, "{name}: {read} bytes for a table");
        assert!(
            bench.table().is_some() && bench.read.load(Ordering::Relaxed) == 0,
            "{name}: it was read twice"
        );
    }
}

#[test]
fn files_are_taken_by_their_digests() {
    for name in NAMES {
        let bench = Bench::fixture(name);
        let listed = bench.table().unwrap();
        let (_, digests) = bench.whole();
        let mut all = BTreeMap::new();
        for (path, offset, size) in files(&listed) {
            let wanted = BTreeMap::from([(offset, Wanted::new(size, Some(digests[path])))]);
            bench.read.store(0, Ordering::Relaxed);
            let found = bench.take(&wanted).unwrap_or_else(|error| panic!("{name} {path}: {error:?}"));
            assert_eq!((found[&offset].digest, found[&offset].size), (digests[path], size), "{name} {path}");
            let read = bench.read.load(Ordering::Relaxed);
            // Without an end of its own, a file is read up to the next one, whose tar header is between.
            let packed = name.contains("packed");
            assert!(packed || read <= size + 600, "{name} {path}: {read} bytes for {size}");
            all.extend(wanted);
        }
        assert_eq!(bench.take(&all).unwrap().len(), all.len(), "{name}");
    }
}

#[test]
fn a_table_never_says_that_bytes_are_right() {
    for name in NAMES {
        let bench = Bench::fixture(name);
        let mut found =
            files(&bench.table().unwrap()).map(|(_, offset, size)| (offset, size)).collect::<Vec<_>>();
        let empty = *found.iter().find(|(_, size)| *size == 0).unwrap();
        found.retain(|(_, size)| *size > 0);
        let (offset, size) = found[found.len() / 2];
        let other = Some(Digest::of(b"other"));
        for ((offset, size), digest) in [((offset, size), None), ((offset, size), other), (empty, other)] {
            assert!(bench.table().is_some());
            bench.take(&BTreeMap::from([(offset, Wanted::new(size, digest))])).unwrap_err();
            // What has proved wrong is not believed again.
            bench.read.store(0, Ordering::Relaxed);
            assert!(bench.table().is_some() && bench.read.load(Ordering::Relaxed) > 0, "{name}");
        }
    }
}

#[test]
fn what_is_not_the_table_that_was_named_is_none() {
    for name in NAMES {
        let good = Bench::fixture(name);
        for (key, value) in good.layer.descriptor.annotations.clone() {
            let mut others = vec![Digest::of(b"other").to_string(), String::new(), "1:2:3:4:5".to_owned()];
            others.extend(
                ["0:10:10:1", "18446744073709551615:2:2:1", "5:18446744073709551615:1:1"].map(str::to_owned),
            );
            others.push(format!("{}:{}:1:1", good.blob.len(), 5));
            // Of the two that eStargz in Zstandard has, only one is asked.
            let asked =
                !(key.contains("tarsplit") || name == "estargz.tar.zst" && key.contains("toc.digest"));
            for other in others.iter().filter(|other| asked && **other != value) {
                let mut bad = Bench::new(good.layer.clone(), good.blob.clone());
                bad.layer.descriptor.annotations.insert(key.clone(), other.clone());
                assert!(bad.table().is_none(), "{name}: {key} = {other}");
            }
        }
        for at in [good.blob.len() - 1, good.blob.len() - 30, good.blob.len() - 700] {
            let mut bad = Bench::fixture(name);
            bad.blob[at] ^= 1;
            let changed = bad.table();
            assert!(changed.is_none() || changed == good.table(), "{name}: another table was believed");
        }
    }
}

#[test]
fn a_table_of_what_no_layer_holds_is_none() {
    let file = json!({"type": "reg", "name": "a", "size": 3, "offset": 10, "endOffset": 20});
    let of = |changes: Value| {
        let mut entry = file.clone();
        entry.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        entry
    };
    let good = json!({"version": 1, "entries": [file]});
    assert!(Bench::listing(&good).table().is_some());
    let max = u64::MAX;
    for entries in [
        json!([of(json!({"offset": 0}))]),
        json!([of(json!({"offset": max}))]),
        json!([of(json!({"offset": max, "endOffset": 0}))]),
        json!([of(json!({"endOffset": 5}))]),
        json!([of(json!({"endOffset": 1001}))]),
        json!([of(json!({"size": max, "innerOffset": max}))]),
        json!([of(json!({"size": max}))]),
        json!([of(json!({"name": "../a"}))]),
        json!([of(json!({"name": "a\u{0}"}))]),
        json!([of(json!({"name": "a\u{fffd}"}))]),
        json!([of(json!({"mode": -1}))]),
        json!([of(json!({"type": "sparse"}))]),
        json!([of(json!({"modtime": "yesterday"}))]),
        json!([of(json!({"xattrs": {"user.a": "???"}}))]),
        json!([file, of(json!({"name": "b"}))]),
        json!([file, of(json!({"name": "a/b", "offset": 30, "endOffset": 40}))]),
        json!([{"type": "hardlink", "name": "a", "linkName": "a"}]),
        json!([{"type": "reg", "name": ".wh."}]),
        json!([{"type": "reg", "name": "/"}]),
        json!(7),
    ] {
        let bench = Bench::listing(&json!({"version": 1, "entries": entries}));
        assert!(bench.table().is_none(), "{entries}");
    }
    assert!(Bench::listing(&json!({"version": 2, "entries": []})).table().is_none());
    let round = json!([{"type": "hardlink", "name": "a", "linkName": "b"}, {"type": "hardlink", "name": "b", "linkName": "a"}]);
    if let Some(index) = Bench::listing(&json!({"version": 1, "entries": round})).table() {
        imgforge::rootfs::Rootfs::fold(0, &[&index.changeset], true).unwrap_err();
    }
}

fn number() -> impl Strategy<Value = u64> {
    (0_u8..8, any::<u64>()).prop_map(|(kind, any)| if kind == 0 { any } else { any % 1100 })
}

fn entry() -> impl Strategy<Value = Value> {
    let kinds = proptest::sample::select(vec!["reg", "reg", "reg", "chunk", "dir", "hardlink", "symlink"]);
    let numbers = (number(), number(), number(), number());
    (kinds, "[ab]{1,2}(/[ab])?", "[ab]{1,2}", numbers).prop_map(|(kind, name, link, (size, offset, end, inner))| {
        json!({"type": kind, "name": name, "linkName": link, "size": size, "offset": offset,
            "endOffset": if end % 2 == 0 { 0 } else { end }, "innerOffset": if inner % 3 == 0 { inner } else { 0 }})
    })
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]

    #[test]
    fn no_table_gives_wrong_bytes(entries in proptest::collection::vec(entry(), 0..8)) {
        let bench = Bench::listing(&json!({"version": 1, "entries": entries}));
        let Some(listed) = bench.table() else { return Ok(()) };
        let digest = Digest::of(b"what the lock file pins");
        let wanted: BTreeMap<u64, Wanted> = files(&listed)
            .filter(|(_, _, size)| *size > 0)
            .map(|(_, offset, size)| (offset, Wanted::new(size, Some(digest))))
            .collect();
        prop_assert!(wanted.is_empty() || bench.take(&wanted).is_err());
    }
}
