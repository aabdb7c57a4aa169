//! Layers as others write and read them: T2–T18, T21 and T27 of the list of bugs that bit the peers.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is its failure")]

mod damaged;
mod foreign;
mod gnu_tar;
mod properties;
mod python;
mod tar_of;
mod trees;

use std::collections::BTreeMap;

use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::layer::decode;
use imgforge::layer::encode;
use imgforge::oci::ImagePath;

use tar_of::Tar;
use tar_of::decoded;
use tar_of::encoded;
use tar_of::failure;
use tar_of::path;

fn bytes(text: &str) -> Node {
    Node::File(Content::Bytes(text.into()))
}

fn entry(mode: u32, node: Node) -> Entry {
    Entry { meta: Meta::root(mode), node }
}

/// A changeset from a list of paths.
fn changes(entries: Vec<(&str, Entry)>) -> Changeset {
    Changeset {
        upserts: entries.into_iter().map(|(name, entry)| (path(name), entry)).collect(),
        ..Changeset::default()
    }
}

/// T3: the tar is whole blocks and ends in two empty ones, and GNU tar has nothing to say against it.
#[test]
fn t03_padding_and_trailer() {
    let tar = encoded(&changes(vec![("a", entry(0o644, bytes("odd")))]));
    assert_eq!(tar.len() % 512, 0);
    assert_eq!(tar.len(), 512 + 512 + 1024);
    assert!(tar[1024..].iter().all(|byte| *byte == 0));
    assert_eq!(encoded(&Changeset::default()), [0; 1024]);
    gnu_tar::list(&tar);
}

/// T3, read: layers of umoci 0.4.7 end right after the last byte of the last file, and engines take them.
#[test]
fn t03_a_layer_without_padding_and_trailer_is_read() {
    let whole = Tar::new().file("a", b"odd").bytes();
    for (end, name) in [(512 + 3, "no padding"), (1024, "no trailer"), (1536, "half a trailer")] {
        assert_eq!(decoded(&whole[..end]).upserts.len(), 1, "{name}");
    }
    for end in [1, 511, 512, 514] {
        assert!(matches!(failure(&whole[..end]), decode::Error::Truncated { .. }), "{end}");
    }
}

/// T5: a link to a file of a lower layer makes `docker load` fail.
#[test]
fn t05_no_links_across_layers() {
    let lonely = changes(vec![("a", entry(0o644, Node::Hardlink(path("b"))))]);
    let error = encode::encode(&lonely, &mut |_, _| unreachable!(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, encode::Error::Hardlink { .. }), "{error}");
    let both = changes(vec![("a", entry(0o644, Node::Hardlink(path("b")))), ("b", entry(0o644, bytes("x")))]);
    let names = gnu_tar::list(&encoded(&both));
    assert!(names[0].ends_with(" b"), "the file must come before the link: {names:?}");
    assert!(names[1].ends_with(" a link to b"), "{names:?}");
}

/// T10: a whiteout says nothing about its own layer, wherever it is in the tar.
#[test]
fn t10_whiteout_and_file_in_both_orders() {
    let before = Tar::new().file(".wh.a", b"").file("a", b"new").bytes();
    let after = Tar::new().file("a", b"new").file(".wh.a", b"").bytes();
    for tar in [before, after] {
        let changes = decoded(&tar);
        assert!(changes.upserts.contains_key(&path("a")));
        assert!(changes.removals.contains(&path("a")));
    }
    let before = Tar::new().file("d/.wh..wh..opq", b"").file("d/a", b"new").bytes();
    let after = Tar::new().file("d/a", b"new").file("d/.wh..wh..opq", b"").bytes();
    for tar in [before, after] {
        let changes = decoded(&tar);
        assert!(changes.upserts.contains_key(&path("d/a")));
        assert_eq!(changes.opaque, [path("d")].into());
        assert!(changes.removals.is_empty());
    }
}

/// T11: only exact names are whiteouts.
#[test]
fn t11_near_misses_of_whiteouts() {
    for bad in ["d/.wh.", ".wh.", "d/.wh..", "d/.wh...", "d/.wh.x/y"] {
        let error = failure(&Tar::new().file(bad, b"").bytes());
        assert!(matches!(error, decode::Error::Whiteout { .. }), "{bad}: {error}");
    }
    let near = Tar::new().file("d/.wh..wh.opq", b"").file(".wh..wh.plnk/1.2", b"x").bytes();
    assert_eq!(decoded(&near), Changeset::default());
}

/// What a layer says before a whiteout's siblings, and that only explicit whiteouts are written.
#[test]
fn t09_whiteouts_come_before_siblings() {
    let mut edit = changes(vec![
        ("d", entry(0o755, Node::Directory)),
        ("d/a", entry(0o644, bytes("x"))),
        ("d/sub", entry(0o755, Node::Directory)),
    ]);
    edit.removals = [path("d/z"), path("d/sub/y"), path("top")].into();
    let names: Vec<String> = gnu_tar::names(&encoded(&edit));
    assert_eq!(names, [".wh.top", "d/", "d/.wh.z", "d/a", "d/sub/", "d/sub/.wh.y"]);
}

/// A directory that is removed and made again: a whiteout would be lost on overlayfs, and the removed content with it.
#[test]
fn t09_a_directory_removed_and_made_again_is_opaque() {
    let mut edit = changes(vec![("d", entry(0o755, Node::Directory)), ("f", entry(0o644, bytes("x")))]);
    edit.removals = [path("d"), path("d/below"), path("f"), path("gone"), path("gone/below")].into();
    assert_eq!(gnu_tar::names(&encoded(&edit)), [".wh.gone", "d/", "d/.wh..wh..opq", "f"]);
}

/// T13: extended attributes byte by byte, as GNU tar and Python write and read them.
#[test]
fn t13_xattrs_are_kept_byte_by_byte() {
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0=\n\0\0\0\0\0\0".to_vec();
    let mut meta = Meta::root(0o755);
    meta.xattrs =
        [(b"security.capability".to_vec(), capability.clone()), (b"user.empty".to_vec(), Vec::new())].into();
    let edit = changes(vec![("bin", Entry { meta: meta.clone(), node: bytes("x") })]);
    let tar = encoded(&edit);
    assert_eq!(decoded(&tar).upserts[&path("bin")].meta, meta);
    let hex: String = capability.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        python::of_tar(
            "[v.encode('utf-8','surrogateescape').hex() for k,v in t.next().pax_headers.items() if k=='SCHILY.xattr.security.capability']",
            &tar
        ),
        [hex]
    );
}

/// T14: what overlayfs notes on its own layers never reaches an image.
#[test]
fn t14_overlay_xattrs_are_dropped() {
    let tar = Tar::new()
        .pax(&[
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.user.overlay.origin", b""),
            ("SCHILY.xattr.user.overlayer", b"kept"),
        ])
        .file("a", b"")
        .bytes();
    let kept: Vec<_> = decoded(&tar).upserts[&path("a")].meta.xattrs.clone().into_keys().collect();
    assert_eq!(kept, [b"user.overlayer".to_vec()]);
}

/// T16: setuid, setgid and sticky.
#[test]
fn t16_special_bits() {
    for mode in [0o4755, 0o2755, 0o1777, 0o7777, 0] {
        let edit = changes(vec![("a", entry(mode, Node::Directory))]);
        assert_eq!(decoded(&encoded(&edit)).upserts[&path("a")].meta.mode, mode);
    }
    let edit = changes(vec![("su", entry(0o4755, bytes("x")))]);
    assert!(gnu_tar::list(&encoded(&edit))[0].starts_with("-rwsr-xr-x 0/0"));
}

/// T21: whoever hashes the stream sees what follows the trailer.
#[test]
fn t21_the_stream_is_read_to_its_end() {
    let mut tar = Tar::new().file("a", b"x").bytes();
    tar.extend(vec![0; 8192]);
    tar.extend(b"trailing");
    let mut stream = imgforge::oci::digest::Hashing::new(tar.as_slice());
    decode::decode(&mut stream, &mut |_, _, _| Ok(())).unwrap();
    assert_eq!(stream.hasher().length(), tar.len() as u64);
}

/// Offsets name the content in the uncompressed stream, whatever headers come before it.
#[test]
fn contents_are_where_the_changeset_says() {
    let long = "d/".repeat(90) + "name";
    let tar = Tar::new()
        .file("first", &[1; 1000])
        .pax(&[("path", long.as_bytes())])
        .file("short", b"second")
        .gnu_long_name("third")
        .file("x", &[3; 512])
        .bytes();
    let mut seen = BTreeMap::new();
    let changes = decode::decode(&mut tar.as_slice(), &mut |path, _, content| {
        let mut all = Vec::new();
        content.read_to_end(&mut all)?;
        seen.insert(path.clone(), all);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen.keys().collect::<Vec<&ImagePath>>(), changes.upserts.keys().collect::<Vec<_>>());
    assert_eq!(seen[&path(&long)], b"second");
    for (path, entry) in changes.upserts {
        let Node::File(Content::InLayer { offset, size }) = entry.node else { panic!("{path}") };
        let start = usize::try_from(offset).unwrap();
        assert_eq!(tar[start..start + usize::try_from(size).unwrap()], seen[&path], "{path}");
    }
}
