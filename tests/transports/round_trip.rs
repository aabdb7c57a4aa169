//! An image goes from place to place and stays itself.

use std::fs;

use imgforge::oci::Digest;
use imgforge::transport::archive::ArchiveSink;
use imgforge::transport::archive::ArchiveSource;
use imgforge::transport::error::Error;
use imgforge::transport::layout::LayoutSink;
use imgforge::transport::layout::LayoutSource;
use imgforge::transport::layout::Pick;
use serde_json::json;

use crate::hostile::docker_save;
use crate::rig::Bench;
use crate::rig::base_and_derived;
use crate::rig::entry;
use crate::rig::gzip;
use crate::rig::index;
use crate::rig::run;
use crate::rig::write_layout;

#[test]
fn layout_and_archives_and_back_change_no_digest() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("trip"));
    let scratch = bench.directory.path();
    let source = bench.layout("start", &derived);
    bench.publish(&source, &ArchiveSink::oci(&bench.path("a.tar"), Some("v1"), Some("app")), 0).unwrap();
    let oci = ArchiveSource::open_oci(&bench.path("a.tar"), &Pick::of(Some("v1")), scratch).unwrap();
    bench.assert_whole(&oci, &derived);
    bench.publish(&oci, &ArchiveSink::docker(&bench.path("b.tar"), Some("q.io/app:2")), 0).unwrap();
    for name in ["q.io/app:2", "2"] {
        let pick = Pick::of(Some(name));
        let docker = ArchiveSource::open_docker(&bench.path("b.tar"), &pick, scratch).unwrap();
        bench.assert_whole(&docker, &derived);
        let sink = LayoutSink::new(&bench.path("end"), Some("v2"));
        bench.publish(&docker, &sink, 0).unwrap();
    }
    bench.assert_whole(&LayoutSource::new(&bench.path("end"), Some("v2")), &derived);
    let error =
        ArchiveSource::open_docker(&bench.path("b.tar"), &Pick::of(Some("app:3")), scratch).unwrap_err();
    assert!(error.to_string().contains("`q.io/app:2`"), "{error}");
}

#[test]
fn an_archive_is_the_same_bytes_wherever_it_is_made() {
    let (first, second, (_, derived)) = (Bench::new(), Bench::new(), base_and_derived("same"));
    let made: Vec<Vec<u8>> = [&first, &second]
        .iter()
        .map(|bench| {
            let source = bench.layout("start", &derived);
            let path = bench.path("x.tar");
            bench.publish(&source, &ArchiveSink::oci(&path, Some("v1"), Some("app")), 0).unwrap();
            fs::read(path).unwrap()
        })
        .collect();
    assert!(made[0] == made[1]);
    // GNU tar reads it without a word, members are sorted, and nothing of this machine is in it.
    let listing = run("tar", &["-tvf", first.path("x.tar").to_str().unwrap(), "--full-time", "--utc"]);
    let names: Vec<&str> = listing.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert!(names.is_sorted() && names.len() == 10, "{listing}");
    assert!(listing.lines().all(|line| line.contains(" 0/0 ") && line.contains("1970-01-01 00:00:00")));
}

#[test]
fn a_layout_keeps_what_it_does_not_know_and_replaces_its_own_tag() {
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("keep"));
    let root = bench.path("out");
    let raw = r#"{ "digest":"sha512:00",  "size" : 1.0e1, "x":{"b":1,"a":2} }"#;
    let other = entry(&base, Some("other"));
    let list = format!(
        r#"{{"schemaVersion": 2,"z":[1, 2],"manifests":[{raw},{},{other}],"annotations":{{"k":"v"}}}}"#,
        entry(&base, Some("v1")),
    );
    write_layout(&root, &[&base], list.as_bytes());
    let source = bench.layout("start", &derived);
    bench.publish(&source, &LayoutSink::new(&root, Some("v1")), 0).unwrap();
    let text = fs::read_to_string(root.join("index.json")).unwrap();
    assert!(text.contains(raw), "{text}");
    assert!(text.contains(r#""z":[1, 2]"#) && text.contains(r#""annotations":{"k":"v"}"#), "{text}");
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["manifests"].as_array().unwrap().len(), 3);
    assert_eq!(list["manifests"][1]["digest"], json!(Digest::of(&derived.manifest).to_string()));
    bench.assert_whole(&LayoutSource::new(&root, Some("v1")), &derived);
    bench.assert_whole(&LayoutSource::new(&root, Some("other")), &base);
    // Again: nothing to write, and the list stays as it is.
    let receipt = bench.publish(&source, &LayoutSink::new(&root, Some("v1")), 0).unwrap();
    assert_eq!(receipt.bytes_sent(), 0);
    assert_eq!(fs::read_to_string(root.join("index.json")).unwrap(), text);
}

#[test]
fn old_docker_archives_read_the_same_however_they_are_packed() {
    let (bench, (_, derived)) = (Bench::new(), base_and_derived("old"));
    let scratch = bench.directory.path();
    let path = bench.path("save.tar");
    docker_save(&path, &derived, &Vec::clone);
    let plain = ArchiveSource::open_docker(&path, &Pick::of(Some("app:1")), scratch).unwrap();
    let image = bench.load(&plain).unwrap();
    let digests: Vec<Digest> = image.manifest.layers.iter().map(|layer| layer.digest).collect();
    let tars: Vec<Digest> = derived.tars.iter().map(|tar| Digest::of(tar)).collect();
    assert_eq!(digests, tars, "uncompressed layers are their own diff_ids");
    assert_eq!(image.config.bytes(), derived.config);

    // A layout without the layers (as a partial archive has) is not believed: what `manifest.json` names is.
    let mut builder = tar::Builder::new(Vec::new());
    let parts = [
        ("index.json".to_owned(), index(&[entry(&derived, None)])),
        (format!("blobs/sha256/{}", Digest::of(&derived.manifest).hex()), derived.manifest.clone()),
        (format!("blobs/sha256/{}", Digest::of(&derived.config).hex()), derived.config.clone()),
    ];
    for (name, bytes) in &parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    let mut both = builder.into_inner().unwrap();
    both.truncate(both.len() - 1024);
    both.extend(fs::read(&path).unwrap());
    fs::write(bench.path("both.tar"), both).unwrap();
    let both = ArchiveSource::open_docker(&bench.path("both.tar"), &Pick::Only, scratch).unwrap();
    assert_eq!(bench.load(&both).unwrap().manifest.bytes, image.manifest.bytes);

    // The whole archive in gzip: spooled, and the same image.
    let packed = bench.path("save.tgz");
    fs::write(&packed, gzip(&fs::read(&path).unwrap())).unwrap();
    let again = ArchiveSource::open_docker(&packed, &Pick::Only, scratch).unwrap();
    assert_eq!(bench.load(&again).unwrap().manifest.bytes, image.manifest.bytes);

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    let error = ArchiveSource::open_docker(&path, &Pick::Only, scratch).unwrap_err();
    assert!(matches!(&error, Error::Broken { problem, .. } if problem.contains("cut short")), "{error:?}");
}
