//! Places that are damaged or lie.

use std::fs;
use std::os::unix::fs::symlink;

use imgforge::oci::Descriptor;
use imgforge::oci::Digest;
use imgforge::progress::Silent;
use imgforge::store;
use imgforge::transport::Fate;
use imgforge::transport::Source;
use imgforge::transport::archive::ArchiveSink;
use imgforge::transport::archive::ArchiveSource;
use imgforge::transport::error::Error;
use imgforge::transport::image::fetch_blob;
use imgforge::transport::layout::LayoutSink;
use imgforge::transport::layout::LayoutSource;
use imgforge::transport::layout::Pick;
use serde_json::Value;
use serde_json::json;

use crate::rig::Bench;
use crate::rig::Sample;
use crate::rig::base_and_derived;
use crate::rig::blob;
use crate::rig::described;
use crate::rig::entry;
use crate::rig::index;
use crate::rig::write_layout;

const OCI_MANIFEST: &str = crate::rig::OCI_MANIFEST;

fn top_layer(bench: &Bench, source: &dyn Source) -> Descriptor {
    bench.load(source).unwrap().manifest.layers.last().unwrap().clone()
}

/// T22, for a layout: the list pins a digest, so other bytes at its place are refused, whatever they say.
#[test]
fn t22_a_manifest_that_is_not_what_the_list_pins_is_refused() {
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("t22"));
    let source = bench.layout("layout", &derived);
    let pinned = Digest::of(&derived.manifest);
    fs::write(blob(&bench.path("layout"), &pinned), &base.manifest).unwrap();
    assert!(matches!(bench.load(&source), Err(Error::Broken { .. })));
    // The same for a configuration, which only the manifest pins.
    let source = bench.layout("second", &derived);
    let mut other = derived.config.clone();
    other[2] ^= 1;
    fs::write(blob(&bench.path("second"), &Digest::of(&derived.config)), &other).unwrap();
    let error = bench.load(&source).unwrap_err();
    assert!(matches!(error, Error::Store { source: store::Error::Digest { .. }, .. }), "{error:?}");
}

/// T23: one byte more or less than the descriptor promises.
#[test]
fn t23_a_blob_of_another_size_is_refused() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t23"));
    let source = bench.layout("layout", &derived);
    let layer = top_layer(&bench, &source);
    let path = blob(&bench.path("layout"), &layer.digest);
    let whole = fs::read(&path).unwrap();
    let longer = [whole.as_slice(), b"x"].concat();
    for bytes in [&whole[..whole.len() - 1], &longer] {
        fs::write(&path, bytes).unwrap();
        let error = fetch_blob(&source, &bench.store, &layer, &Silent).unwrap_err();
        assert!(matches!(error, Error::Store { source: store::Error::Size { .. }, .. }), "{error:?}");
        assert!(!bench.store.contains(&layer.digest, layer.size));
        // Nor does it get into what is written straight from its place.
        let sink = LayoutSink::new(&bench.path("out"), None);
        assert!(matches!(bench.publish(&source, &sink, 2), Err(Error::Broken { .. })));
        assert!(!bench.path("out/index.json").exists());
        let sink = ArchiveSink::oci(&bench.path("out.tar"), None, None);
        assert!(matches!(bench.publish(&source, &sink, 2), Err(Error::Broken { .. })));
    }
    // Nothing half-written stays: no archive, no temporary file.
    let left: Vec<String> = names(&bench.path(""));
    assert!(!left.iter().any(|name| name.contains("out.tar")), "{left:?}");
    let left = names(&bench.path("out/blobs/sha256"));
    assert!(!left.iter().any(|name| name.contains("tmp")), "{left:?}");
    fs::write(&path, &whole).unwrap();
    fetch_blob(&source, &bench.store, &layer, &Silent).unwrap();
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// T25: documents that are large, or say they are, are not read.
#[test]
fn t25_large_documents_are_refused() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t25"));
    let source = bench.layout("layout", &derived);
    let mut large = index(&[entry(&derived, None)]);
    large.resize(9 << 20, b' ');
    fs::write(bench.path("layout/index.json"), &large).unwrap();
    assert!(matches!(bench.load(&source), Err(Error::Broken { .. })));

    let mut manifest: Value = serde_json::from_slice(&derived.manifest).unwrap();
    manifest["config"]["size"] = json!(100 << 20);
    let manifest = manifest.to_string().into_bytes();
    let listed = described(OCI_MANIFEST, &manifest);
    write_layout(&bench.path("layout"), &[&derived], &index(&[listed]));
    fs::write(blob(&bench.path("layout"), &Digest::of(&manifest)), &manifest).unwrap();
    assert!(matches!(bench.load(&source), Err(Error::Document { .. })));
}

/// T26: a document that is a manifest to one tool and an index to another; and a negative size (T23).
#[test]
fn t26_ambiguous_documents_are_refused() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t26"));
    let root = bench.path("layout");
    let change = |key: &str, value: Value| {
        let mut manifest: Value = serde_json::from_slice(&derived.manifest).unwrap();
        manifest[key] = value;
        manifest.to_string().into_bytes()
    };
    let documents = [
        change("manifests", json!([])),
        change("mediaType", json!(crate::rig::OCI_INDEX)),
        change("config", json!({"digest": Digest::of(b"").to_string(), "size": -1})),
    ];
    for document in documents {
        let listed = described(OCI_MANIFEST, &document);
        write_layout(&root, &[&derived], &index(&[listed]));
        fs::write(blob(&root, &Digest::of(&document)), &document).unwrap();
        let error = bench.load(&LayoutSource::new(&root, None)).unwrap_err();
        assert!(matches!(error, Error::Document { .. }), "{error:?}");
    }
}

/// T28: symlinked blobs are refused in a layout and in an archive of one.
#[test]
fn t28_symlinked_blobs_are_refused() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t28"));
    let source = bench.layout("layout", &derived);
    let layer = top_layer(&bench, &source);
    let path = blob(&bench.path("layout"), &layer.digest);
    fs::rename(&path, bench.path("elsewhere")).unwrap();
    symlink(bench.path("elsewhere"), &path).unwrap();
    let opened = source.open(&layer, 0).err();
    assert!(matches!(opened, Some(Error::Broken { .. })), "{opened:?}");

    let archive = bench.path("links.tar");
    let mut builder = tar::Builder::new(fs::File::create(&archive).unwrap());
    builder.follow_symlinks(false);
    builder.append_dir_all("", bench.path("layout")).unwrap();
    builder.finish().unwrap();
    let source = ArchiveSource::open_oci(&archive, &Pick::Only, bench.directory.path()).unwrap();
    let opened = source.open(&layer, 0).err();
    assert!(matches!(opened, Some(Error::Broken { .. })), "{opened:?}");
}

/// T28: a flipped bit in the source, in the cache, and in the layout that is written to.
#[test]
fn t28_a_flipped_bit_is_found_wherever_it_is() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t28"));
    let source = bench.layout("layout", &derived);
    let layer = top_layer(&bench, &source);
    let path = blob(&bench.path("layout"), &layer.digest);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;

    fs::write(&path, &flipped).unwrap();
    let error = fetch_blob(&source, &bench.store, &layer, &Silent).unwrap_err();
    assert!(matches!(error, Error::Store { source: store::Error::Digest { .. }, .. }), "{error:?}");
    fs::write(&path, &whole).unwrap();

    // In the cache: forgotten, and taken from its place instead.
    for sink in sinks(&bench) {
        fetch_blob(&source, &bench.store, &layer, &Silent).unwrap();
        damage(&bench, &layer, &flipped);
        bench.publish(&source, &*sink, 2).unwrap();
    }
    let written = LayoutSource::new(&bench.path("out"), None);
    bench.assert_whole(&written, &derived);
    let written =
        ArchiveSource::open_oci(&bench.path("out.tar"), &Pick::Only, bench.directory.path()).unwrap();
    bench.assert_whole(&written, &derived);

    let config = bench.load(&source).unwrap().manifest.config;
    damage(&bench, &config, &vec![b' '; config.size as usize]);
    bench.load(&source).unwrap();

    // In the layout that is written to: seen, and replaced.
    let target = blob(&bench.path("out"), &layer.digest);
    fs::remove_file(&target).unwrap();
    fs::write(&target, &flipped).unwrap();
    let sink = LayoutSink::new(&bench.path("out"), None);
    let receipt = bench.publish(&source, &sink, 2).unwrap();
    let fates: Vec<Fate> = receipt.blobs.iter().map(|(_, fate)| *fate).collect();
    assert_eq!(fates, [Fate::Present, Fate::Present, Fate::Upload, Fate::Present]);
    assert_eq!(receipt.bytes_sent(), layer.size);
    bench.assert_whole(&LayoutSource::new(&bench.path("out"), None), &derived);
}

/// A rename onto a device or over a link would take it from everyone else.
#[test]
fn an_archive_replaces_regular_files_only() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("device"));
    let source = bench.layout("layout", &derived);
    let publish = |name: &str| bench.publish(&source, &ArchiveSink::oci(&bench.path(name), None, None), 0);
    symlink("/dev/null", bench.path("null.tar")).unwrap();
    symlink(bench.path("gone"), bench.path("dangling.tar")).unwrap();
    fs::create_dir(bench.path("directory.tar")).unwrap();
    for name in ["null.tar", "dangling.tar", "directory.tar"] {
        let error = publish(name).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{name}: {error:?}");
    }
    fs::write(bench.path("real.tar"), b"old").unwrap();
    symlink("real.tar", bench.path("link.tar")).unwrap();
    publish("link.tar").unwrap();
    assert!(fs::symlink_metadata(bench.path("link.tar")).unwrap().is_symlink());
    let read = ArchiveSource::open_oci(&bench.path("real.tar"), &Pick::Only, bench.directory.path()).unwrap();
    bench.assert_whole(&read, &derived);
}

fn sinks(bench: &Bench) -> [Box<dyn imgforge::transport::Sink>; 2] {
    [
        Box::new(LayoutSink::new(&bench.path("out"), None)),
        Box::new(ArchiveSink::oci(&bench.path("out.tar"), None, None)),
    ]
}

fn damage(bench: &Bench, layer: &Descriptor, bytes: &[u8]) {
    let path = bench.store.blob_path(&layer.digest);
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
}

/// T20: what an archive without a manifest of its own gets is of one family throughout.
#[test]
fn t20_a_made_manifest_never_mixes_families() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("t20"));
    let zstd = |tar: &Vec<u8>| zstd::encode_all(tar.as_slice(), 1).unwrap();
    let gzip = |tar: &Vec<u8>| crate::rig::gzip(tar);
    for (pack, family) in [
        (&(|tar: &Vec<u8>| tar.clone()) as &dyn Fn(&Vec<u8>) -> Vec<u8>, "vnd.docker."),
        (&gzip, "vnd.docker."),
        (&zstd, "vnd.oci."),
    ] {
        let archive = bench.path("save.tar");
        docker_save(&archive, &derived, pack);
        let source = ArchiveSource::open_docker(&archive, &Pick::Only, bench.directory.path()).unwrap();
        let image = bench.load(&source).unwrap();
        let types = image.manifest.layers.iter().map(|layer| &layer.media_type);
        for media_type in types.chain([&image.manifest.media_type, &image.manifest.config.media_type]) {
            assert!(media_type.contains(family), "{media_type}");
        }
        for layer in &image.manifest.layers {
            fetch_blob(&source, &bench.store, layer, &Silent).unwrap();
        }
    }
}

/// What `docker save` wrote before layouts: `<id>/layer.tar`, `VERSION`, and a layer that is a symlink.
pub fn docker_save(path: &std::path::Path, sample: &Sample, pack: &dyn Fn(&Vec<u8>) -> Vec<u8>) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    let mut layers = Vec::new();
    for (position, tar) in sample.tars.iter().enumerate() {
        add(&format!("layer{position}/VERSION"), b"1.0");
        add(&format!("layer{position}/layer.tar"), &pack(tar));
        layers.push(format!("layer{position}/layer.tar"));
    }
    let config = format!("{}.json", Digest::of(&sample.config).hex());
    add(&config, &sample.config);
    layers[0] = "alias/layer.tar".to_owned();
    let list = json!([{"Config": config, "RepoTags": ["app:1"], "Layers": layers}]);
    add("manifest.json", list.to_string().as_bytes());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "alias/layer.tar", "../layer0/layer.tar").unwrap();
    builder.finish().unwrap();
}

#[test]
fn a_document_of_a_layout_has_the_digest_it_was_asked_by() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("beside"));
    let source = bench.layout("beside", &derived);
    let digest = Digest::of(&derived.manifest);
    assert_eq!(source.document(&digest).unwrap(), derived.manifest);
    let blob = bench.path("beside/blobs/sha256").join(digest.hex());
    fs::write(&blob, b"{}").unwrap();
    assert!(matches!(source.document(&digest), Err(Error::Broken { .. })));
    fs::write(&blob, vec![b' '; 9 << 20]).unwrap();
    assert!(matches!(source.document(&digest), Err(Error::Broken { .. })));
    fs::remove_file(&blob).unwrap();
    assert!(matches!(source.document(&digest), Err(Error::NotFound { .. })));
}
