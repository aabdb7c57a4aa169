//! One pass over a layer: what is learned, what is kept, and what is refused.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;
#[path = "support/titled.rs"]
mod titled;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;

use imgforge::elf::Traits;
use imgforge::index;
use imgforge::index::Error;
use imgforge::index::ImageObjects;
use imgforge::index::Objects;
use imgforge::index::Wanted;
use imgforge::index::Word;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::layer::compress;
use imgforge::layer::encode;
use imgforge::oci::Compression;
use imgforge::oci::Descriptor;
use imgforge::oci::DiffId;
use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::oci::Layer;
use imgforge::progress::Silent;
use imgforge::rootfs::Rootfs;
use imgforge::store::Store;

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

struct Made {
    layer: Layer,
    blob: Vec<u8>,
}

fn make(changes: &Changeset) -> Made {
    let mut tar = Vec::new();
    encode::encode(changes, &mut |_, _| unreachable!("all is in memory"), &mut tar).unwrap();
    let mut writer = compress::writer(Compression::Gzip, Vec::new()).unwrap();
    io::Write::write_all(&mut writer, &tar).unwrap();
    let blob = writer.finish().unwrap();
    let layer = Layer { descriptor: Descriptor::of(GZIP, &blob), diff_id: DiffId(Digest::of(&tar)) };
    Made { layer, blob }
}

fn file(changes: &mut Changeset, name: &str, bytes: &[u8]) {
    let entry = Entry { meta: Meta::root(0o644), node: Node::File(Content::Bytes(bytes.to_vec())) };
    changes.upserts.insert(elves::path(name), entry);
}

/// A small ELF file and one that is too long for memory: libc's bytes, and the same with a tail.
fn sample() -> Option<(Changeset, Vec<u8>)> {
    let Ok(small) = std::fs::read("/lib/x86_64-linux-gnu/libm.so.6") else {
        elves::skipped("no x86-64 glibc on this machine");
        return None;
    };
    let mut long = small.clone();
    long.resize(5 << 20, 0);
    let mut changes = Changeset::default();
    file(&mut changes, "/usr/lib/libm.so.6", &small);
    file(&mut changes, "/usr/lib/liblong.so", &long);
    file(&mut changes, "/etc/ld.so.cache", b"a cache");
    file(&mut changes, "/usr/bin/script", b"#!/bin/sh\n");
    file(&mut changes, "/usr/lib/broken.so", b"\x7fELF and no more");
    Some((changes, small))
}

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

fn open(blob: &[u8]) -> impl FnMut() -> Result<Box<dyn Read + Send>, io::Error> + use<> {
    let blob = blob.to_vec();
    move || Ok(Box::new(io::Cursor::new(blob.clone())))
}

/// As [`open`], counting how often.
fn counted(blob: &[u8], opened: &Cell<i32>) -> impl FnMut() -> Result<Box<dyn Read + Send>, io::Error> {
    let mut inner = open(blob);
    move || {
        opened.set(opened.get() + 1);
        inner()
    }
}

/// Catches no file.
fn nothing(_: &ImagePath) -> bool {
    false
}

/// Names and contents.
type Sections<'s> = &'s [(&'s str, &'s [u8])];

/// A layer that is a tar and no more.
fn make_plain(changes: &Changeset) -> Made {
    let mut blob = Vec::new();
    encode::encode(changes, &mut |_, _| unreachable!("all is in memory"), &mut blob).unwrap();
    let descriptor = Descriptor::of("application/vnd.oci.image.layer.v1.tar", &blob);
    Made { layer: Layer { descriptor, diff_id: DiffId(Digest::of(&blob)) }, blob }
}

#[test]
fn a_large_file_with_text_inside_device_code_makes_the_layer_be_read_again() {
    let mut code = 0xBA55_ED50_u32.to_le_bytes().to_vec();
    let body =
        [&2_u16.to_le_bytes()[..], &[1, 1], &64_u32.to_le_bytes(), &200_000_u64.to_le_bytes()].concat();
    code.extend(
        [&1_u16.to_le_bytes()[..], &16_u16.to_le_bytes(), &200_064_u64.to_le_bytes(), &body].concat(),
    );
    code.resize(16 + 64, 0);
    code.extend(b"\0SETTING_IN_CODE\0".repeat(20_000));
    code.truncate(16 + 200_064);
    let (head, text) = code.split_at(80);
    // The sieve sees code that runs on over the end of a section; who looks for strings sees two sections.
    let cases: [(Sections<'_>, bool); 3] = [
        (&[(".nv_fatbin", &code)], false),
        (&[(".rodata", &code)], false),
        (&[(".head", head), (".rodata", text)], true),
    ];
    for (sections, again) in cases {
        let mut elf = titled::file(sections);
        // Too long for memory.
        elf.resize(65 << 20, 0);
        let mut changes = Changeset::default();
        file(&mut changes, "/usr/lib/large.so", &elf);
        let made = make_plain(&changes);
        let (_directory, store) = store();
        let opened = Cell::new(0);
        let index =
            index::obtain(&store, &made.layer, &mut counted(&made.blob, &opened), &nothing, &Silent).unwrap();
        assert_eq!(opened.get(), 1 + i32::from(again));
        let object = &index.objects[&elves::path("/usr/lib/large.so")];
        assert_eq!((object.digest, object.size), (Digest::of(&elf), 65 << 20));
        let traits = index::traits(&store, &object.digest, Word::Own).unwrap();
        let found = |traits: &Traits| traits.texts.variables.contains(&"SETTING_IN_CODE".to_owned());
        assert_eq!(found(&traits), again);
        // A directory is looked at once.
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("large.so"), &elf).unwrap();
        index::directory::read(&store, tree.path(), &Silent).unwrap();
        assert_eq!(index::traits(&store, &object.digest, Word::Own).unwrap(), traits);
    }
}

#[test]
fn a_layer_is_read_once() {
    let Some((changes, small)) = sample() else { return };
    let made = make(&changes);
    let (_directory, store) = store();
    let opened = Cell::new(0);
    let mut counting = counted(&made.blob, &opened);
    let first = index::obtain(&store, &made.layer, &mut counting, &nothing, &Silent).unwrap();
    let second = index::obtain(&store, &made.layer, &mut counting, &nothing, &Silent).unwrap();
    assert_eq!((first == second, opened.get()), (true, 1));

    let names: Vec<String> = first.objects.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["/usr/lib/liblong.so", "/usr/lib/libm.so.6"]);
    let object = &first.objects[&elves::path("/usr/lib/libm.so.6")];
    assert_eq!((object.digest, object.size), (Digest::of(&small), small.len() as u64));
    assert_eq!(object.facts.soname.as_deref(), Some("libm.so.6"));
    assert_eq!(first.kept[&elves::path("/etc/ld.so.cache")], b"a cache");
    let symbols = index::symbols(&store, &object.digest, Word::Own).unwrap();
    assert!(!symbols.definitions("cos").is_empty());
    let long = &first.objects[&elves::path("/usr/lib/liblong.so")];
    assert_eq!(long.facts, object.facts);
    assert_eq!(index::symbols(&store, &long.digest, Word::Own), Some(symbols));
}

#[test]
fn a_damaged_note_is_made_again() {
    let Some((changes, _)) = sample() else { return };
    let made = make(&changes);
    let (directory, store) = store();
    let first = index::obtain(&store, &made.layer, &mut open(&made.blob), &nothing, &Silent).unwrap();
    for entry in walkdir::WalkDir::new(directory.path().join("notes")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            std::fs::write(entry.path(), b"damage").unwrap();
        }
    }
    let again = index::obtain(&store, &made.layer, &mut open(&made.blob), &nothing, &Silent).unwrap();
    assert_eq!(first, again);
}

#[test]
fn what_is_not_promised_is_refused_and_not_kept() {
    let Some((changes, _)) = sample() else { return };
    let made = make(&changes);
    let other = Digest::of(b"other");
    let mut cases = Vec::new();
    let mut layer = made.layer.clone();
    layer.descriptor.digest = other;
    cases.push(("digest", layer, made.blob.clone()));
    let mut layer = made.layer.clone();
    layer.diff_id = DiffId(other);
    cases.push(("diff_id", layer, made.blob.clone()));
    let mut layer = made.layer.clone();
    layer.descriptor.size += 1;
    cases.push(("size in bytes", layer, made.blob.clone()));
    for (what, layer, blob) in cases {
        let (directory, store) = store();
        let error = index::obtain(&store, &layer, &mut open(&blob), &nothing, &Silent).unwrap_err();
        assert!(matches!(&error, Error::Mismatch { what: which, .. } if *which == what), "{what}: {error}");
        let notes = walkdir::WalkDir::new(directory.path().join("notes")).into_iter().flatten();
        let kinds: Vec<String> = notes.map(|note| note.path().display().to_string()).collect();
        assert!(!kinds.iter().any(|kind| kind.contains("/layers-")), "{what}: {kinds:?}");
    }
    for (cut, what) in [(made.blob.len() / 2, "cut"), (made.blob.len() - 1, "one byte short")] {
        let (_directory, store) = store();
        let short = index::obtain(&store, &made.layer, &mut open(&made.blob[..cut]), &nothing, &Silent);
        assert!(short.is_err(), "{what}");
    }
    let mut longer = made.blob.clone();
    longer.push(0);
    let (_directory, store) = store();
    assert!(index::obtain(&store, &made.layer, &mut open(&longer), &nothing, &Silent).is_err());
}

#[test]
fn files_are_copied_out_by_their_place() {
    let Some((changes, small)) = sample() else { return };
    let made = make(&changes);
    let (_directory, store) = store();
    let known = index::obtain(&store, &made.layer, &mut open(&made.blob), &nothing, &Silent).unwrap();
    let mut wanted = BTreeMap::new();
    let mut script = 0;
    for (path, entry) in &known.changeset.upserts {
        if let Node::File(Content::InLayer { offset, size }) = entry.node {
            if path.name() == b"script" {
                script = offset;
            }
            if !path.name().starts_with(b"liblong") {
                wanted.insert(offset, Wanted::new(size, None));
            }
        }
    }
    let copied = index::copy_out(&store, &made.layer, &mut open(&made.blob), &wanted, &Silent).unwrap();
    assert_eq!((copied[&script].digest, copied[&script].size), (Digest::of(b"#!/bin/sh\n"), 10));
    assert!(copied.values().any(|extract| extract.digest == Digest::of(&small)));
    assert!(store.contains(&Digest::of(&small), small.len() as u64));

    let outside = BTreeMap::from([(known.uncompressed_size, Wanted::new(1, None))]);
    assert!(index::copy_out(&store, &made.layer, &mut open(&made.blob), &outside, &Silent).is_err());
    let mut layer = made.layer.clone();
    layer.diff_id = DiffId(Digest::of(b"other"));
    assert!(index::copy_out(&store, &layer, &mut open(&made.blob), &wanted, &Silent).is_err());
}

#[test]
fn a_tree_of_indexed_layers_knows_its_contents() {
    let Some((changes, small)) = sample() else { return };
    let made = make(&changes);
    let (_directory, store) = store();
    let index = index::obtain(&store, &made.layer, &mut open(&made.blob), &nothing, &Silent).unwrap();
    let digest = store.put(&small).unwrap();
    let mut edit = Changeset::default();
    let node = Node::File(Content::Stored { digest, size: small.len() as u64 });
    let entry = Entry { meta: Meta::root(0o644), node };
    edit.upserts.insert(elves::path("/opt/libnew.so"), entry);
    let tree = Rootfs::fold(0, &[&index.changeset], true).unwrap().with(&edit, 1).unwrap();
    let objects = ImageObjects::new(&store, [(0, &index)]);
    for (name, want) in [("/usr/lib/libm.so.6", true), ("/opt/libnew.so", true), ("/usr/bin/script", false)] {
        let path = elves::path(Path::new(name));
        let node = tree.get(&path).unwrap();
        let object = objects.object(&path, node);
        assert_eq!(object.is_some(), want, "{name}");
        let symbols = objects.symbols(&path, node).unwrap();
        assert_eq!(!symbols.defined.is_empty(), want, "{name}");
    }
    let cache = elves::path("/etc/ld.so.cache");
    let bytes = objects.bytes(&cache, tree.get(&cache).unwrap()).unwrap();
    assert_eq!(bytes.as_deref(), Some(&b"a cache"[..]));
}

/// Opens a blob from an offset on, gives `most` bytes and then fails; says where it was opened.
fn cut<'a>(
    blob: &'a [u8],
    most: usize,
    opened: &'a Cell<Option<u64>>,
) -> impl FnMut(u64) -> Result<Box<dyn Read + Send>, io::Error> + use<'a> {
    struct Reset;
    impl Read for Reset {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    move |offset| {
        opened.set(Some(offset));
        let rest = blob[offset as usize..].to_vec();
        let whole = rest.len() <= most;
        let first = io::Cursor::new(rest).take(most as u64);
        Ok(if whole { Box::new(first) } else { Box::new(first.chain(Reset)) })
    }
}

/// Every note of a store, by its path.
fn notes(root: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(root.join("notes")).into_iter().map(Result::unwrap);
    let files = files.filter(|file| file.file_type().is_file());
    files
        .map(|file| {
            let name = file.path().strip_prefix(root).unwrap().to_owned();
            (name, std::fs::read(file.path()).unwrap())
        })
        .collect()
}

/// A layer of 40 MB that compresses to about the half, with large and small files, libraries and texts.
fn large() -> Option<Made> {
    let (mut changes, _) = sample()?;
    let mut state = 7_u32;
    for number in 0..30 {
        let length = if number % 3 == 0 { 3 << 20 } else { 300_000 + number * 1000 };
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & if state & 0x1_0000 == 0 { 0x0f } else { 0xff }
        });
        file(&mut changes, &format!("/opt/data-{number:02}"), &noise.take(length).collect::<Vec<u8>>());
    }
    file(&mut changes, "/opt/x.dist-info/RECORD", b"x/y.so,sha256=abc,3\n");
    Some(make(&changes))
}

#[test]
fn a_pass_that_is_cut_off_goes_on_where_it_ended() {
    let Some(Made { layer, blob }) = large() else { return };
    let catch: index::Catch<'_> = &|path| path.to_string().ends_with("5");
    let opened = Cell::new(None);
    let (whole, of_whole) = store();
    let full =
        index::obtain_on(&of_whole, &layer, &mut cut(&blob, blob.len(), &opened), catch, &Silent).unwrap();
    assert_eq!(opened.get(), Some(0));
    let expected = notes(whole.path());
    for step in [blob.len() / 3 + 12_345, blob.len() / 2, blob.len() - 1] {
        let (parts, of_parts) = store();
        let mut runs = 0;
        let made = loop {
            runs += 1;
            let open = &mut cut(&blob, step, &opened);
            match index::obtain_on(&of_parts, &layer, open, catch, &Silent) {
                Ok(made) => break made,
                Err(error) => assert!(matches!(error, Error::Decode { .. }), "{error}"),
            }
            assert!(parts.path().join("notes/partial-4").exists());
            assert!(runs < 10, "it does not get on");
        };
        let from = opened.get().unwrap();
        assert!(runs > 1 && from > 0, "{step}: the last of {runs} runs began at {from}");
        // Back to the restart point, which is at most 16 MiB of tar away, and to the anchor before it.
        assert!(from as usize + (20 << 20) > step, "{step}: from {from}");
        assert_eq!(made, full, "{step}");
        let found = notes(parts.path());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{step}");
        assert!(found == expected, "{step}: some note has other bytes");
    }
}

#[test]
fn what_a_cut_pass_left_is_not_believed_when_it_is_wrong() {
    let Some(Made { layer, blob }) = large() else { return };
    let opened = Cell::new(None);
    let step = blob.len() / 2;
    let begun = || {
        let (place, store) = store();
        let open = &mut cut(&blob, step, &opened);
        index::obtain_on(&store, &layer, open, &|_| false, &Silent).unwrap_err();
        (place, store)
    };
    let all = || cut(&blob, blob.len(), &opened);
    let (place, damaged) = begun();
    let note = notes(place.path()).into_keys().find(|name| name.starts_with("notes/partial-4")).unwrap();
    let bytes = std::fs::read(place.path().join(&note)).unwrap();
    std::fs::write(place.path().join(&note), &bytes[..bytes.len() / 2]).unwrap();
    index::obtain_on(&damaged, &layer, &mut all(), &|_| false, &Silent).unwrap();
    assert_eq!(opened.get(), Some(0), "half a note is none");
    let (place, kept) = begun();
    let left = notes(place.path());
    let open = &mut cut(&blob, 100, &opened);
    index::obtain_on(&kept, &layer, open, &|_| false, &Silent).unwrap_err();
    assert!(opened.get().unwrap() > 0);
    assert!(notes(place.path()) == left, "a connection that fails at once takes nothing away");
    // The first half that came was not the layer's: it shows at the end of the second, and then all is read anew.
    let wrong = (0..64).find_map(|offset| {
        let (place, store) = self::store();
        let mut other = blob.clone();
        other[step / 4 + offset * 1000] ^= 4;
        index::obtain_on(&store, &layer, &mut cut(&other, step, &opened), &|_| false, &Silent).unwrap_err();
        // Most such bytes break the stream at once, and a broken stream leaves nothing.
        place.path().join("notes/partial-4").exists().then_some((place, store))
    });
    let (place, store) = wrong.expect("one of 64 flipped bits leaves a stream that can be decoded");
    let mut offsets = Vec::new();
    let mut open = all();
    let mut told = |offset| {
        offsets.push(offset);
        open(offset)
    };
    index::obtain_on(&store, &layer, &mut told, &|_| false, &Silent).unwrap();
    assert!(matches!(offsets[..], [from, 0] if from > 0), "{offsets:?}");
    assert!(!notes(place.path()).keys().any(|name| name.starts_with("notes/partial-4")));
}

#[test]
fn a_bundle_gives_back_what_went_in_and_half_of_one_nothing() {
    let Some((changes, _)) = sample() else { return };
    let Made { layer, blob } = make(&changes);
    let (_one, own) = store();
    index::obtain(&own, &layer, &mut open(&blob), &|_| false, &Silent).unwrap();
    let digest = layer.descriptor.digest;
    let packed = index::bundle::pack(&own, &digest).unwrap();
    let (place, other) = store();
    for half in [&packed[..packed.len() / 2], &packed[..packed.len() - 4], b"none", b""] {
        assert!(index::bundle::unpack(&other, &layer, half).is_err());
        assert!(notes(place.path()).is_empty(), "half a bundle was kept");
    }
    index::bundle::unpack(&other, &layer, &packed).unwrap();
    assert!(index::known(&other, &layer).is_none(), "a stranger's word passes for this machine's own");
    assert!(index::bundle::pack(&other, &digest).is_none(), "a stranger's word is passed on");
    let (lent, read) = (index::lent(&other, &layer).unwrap(), index::known(&own, &layer).unwrap());
    assert_eq!(lent.word, Word::Lent);
    assert_eq!(index::LayerIndex { word: Word::Own, ..lent }, read);
    // Once this machine has read the layer, it needs nobody's word.
    index::obtain(&other, &layer, &mut open(&blob), &|_| false, &Silent).unwrap();
    assert!(index::lent(&other, &layer).is_none());
    assert!(index::bundle::pack(&other, &digest).unwrap() == packed);
}
