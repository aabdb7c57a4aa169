//! Trees of layers: where things land, what hides what, and what can be known without the lower layers.

use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Node;
use imgforge::rootfs::Error;
use imgforge::rootfs::LookupError;
use imgforge::rootfs::Rootfs;

use crate::tar_of::Tar;
use crate::tar_of::decoded;
use crate::tar_of::path;

fn fold(layers: &[Tar]) -> Rootfs {
    let layers: Vec<Changeset> = layers.iter().map(|tar| decoded(&tar.clone().bytes())).collect();
    Rootfs::fold(0, &layers.iter().collect::<Vec<_>>(), true).unwrap()
}

/// The layers from number `bottom` up, without those below.
fn upper(bottom: usize, layers: &[Tar]) -> Rootfs {
    let layers: Vec<Changeset> = layers.iter().map(|tar| decoded(&tar.clone().bytes())).collect();
    Rootfs::fold(bottom, &layers.iter().collect::<Vec<_>>(), false).unwrap()
}

/// Every path of the tree but the root, directories with a slash.
fn listing(tree: &Rootfs) -> Vec<String> {
    tree.iter()
        .skip(1)
        .map(|(path, node)| {
            format!("{}{}", &path.to_string()[1..], if node.is_directory() { "/" } else { "" })
        })
        .collect()
}

fn layer_of(tree: &Rootfs, name: &str) -> usize {
    tree.resolve(&path(name)).unwrap().node.layer
}

fn real(tree: &Rootfs, name: &str) -> String {
    tree.resolve(&path(name)).map_or_else(|error| error.to_string(), |found| found.path.to_string())
}

/// T7: a donor's `libfoo.so` is a chain of links, in several layers.
#[test]
fn t07_links_are_followed_across_layers() {
    let tree = fold(&[
        Tar::new().file("usr/lib/libfoo.so.1.2.3", b"elf").symlink("usr/lib/libfoo.so.1", "libfoo.so.1.2.3"),
        Tar::new().symlink("usr/lib/libfoo.so", "libfoo.so.1").symlink("opt", "/usr/./lib//"),
        Tar::new().symlink("a", "b").symlink("b", "a").symlink("up", "../../opt/../../usr"),
    ]);
    assert_eq!(real(&tree, "usr/lib/libfoo.so"), "/usr/lib/libfoo.so.1.2.3");
    assert_eq!(real(&tree, "opt/libfoo.so"), "/usr/lib/libfoo.so.1.2.3");
    // `opt/..` is where the link leads, not where it is.
    assert_eq!(real(&tree, "up"), "/usr");
    assert!(matches!(tree.resolve(&path("a")), Err(LookupError::Loop { .. })));
    assert!(matches!(
        tree.resolve(&path("opt/libfoo.so/x")),
        Err(LookupError::NotDirectory { above, .. }) if above == path("usr/lib/libfoo.so.1.2.3")
    ));
    assert!(matches!(
        tree.resolve(&path("opt/none/x")),
        Err(LookupError::NotFound { missing, .. }) if missing == path("usr/lib/none")
    ));
    assert_eq!(tree.resolve_parent(&path("opt/libfoo.so")).unwrap(), path("usr/lib/libfoo.so"));
    assert_eq!(tree.resolve_parent(&path("opt/new/dir/f")).unwrap(), path("usr/lib/new/dir/f"));
    assert!(tree.resolve_parent(&path("opt/libfoo.so/f")).is_err());
}

/// The kernel follows 40 links and refuses the 41st.
#[test]
fn t07_as_many_links_as_the_kernel_follows() {
    let chain = |count: usize| {
        let first = Tar::new().file("l0", b"end");
        let tar = (1..=count).fold(first, |tar, at| tar.symlink(&format!("l{at}"), &format!("l{}", at - 1)));
        fold(&[tar]).resolve(&path(&format!("l{count}"))).map(|found| found.path.to_string())
    };
    assert_eq!(chain(40).unwrap(), "/l0");
    assert!(matches!(chain(41), Err(LookupError::Loop { .. })));
}

/// T8: `/lib -> usr/lib`, and a layer that says `lib/…`.
#[test]
fn t08_entries_land_where_links_lead() {
    let base =
        Tar::new().directory("usr").directory("usr/lib").file("usr/lib/a", b"").symlink("lib", "usr/lib");
    let tree = fold(&[
        base.clone(),
        Tar::new().file("lib/x/y", b"").file("lib/a", b"new").file("lib/.wh.none", b""),
    ]);
    assert_eq!(listing(&tree), ["lib", "usr/", "usr/lib/", "usr/lib/a", "usr/lib/x/", "usr/lib/x/y"]);
    assert_eq!(layer_of(&tree, "lib/a"), 1);
    // Whiteouts go the same way.
    let gone = fold(&[base.clone(), Tar::new().file("lib/.wh.a", b"")]);
    assert_eq!(listing(&gone), ["lib", "usr/", "usr/lib/"]);
    let emptied = fold(&[base.clone(), Tar::new().file("lib/.wh..wh..opq", b"")]);
    assert_eq!(listing(&emptied), ["lib", "usr/", "usr/lib/"]);
    // A directory entry replaces the link, and what is below it is new.
    let replaced = fold(&[
        base,
        Tar::new().directory("lib").file("lib/.wh.a", b"").file("lib/.wh..wh..opq", b"").file("lib/b", b""),
    ]);
    assert_eq!(listing(&replaced), ["lib/", "lib/b", "usr/", "usr/lib/", "usr/lib/a"]);
    // A link to nothing yet: the directory it means is made.
    let dangling = fold(&[Tar::new().symlink("lib", "usr/lib"), Tar::new().file("lib/x", b"")]);
    assert_eq!(listing(&dangling), ["lib", "usr/", "usr/lib/", "usr/lib/x"]);
    assert!(dangling.get(&path("usr/lib")).unwrap().implied);
}

/// Layers from a text: entries between blanks, a directory's with a slash, a link's with an arrow; `|` between layers.
fn layers(text: &str) -> Vec<Tar> {
    let entry = |tar: Tar, name: &str| match (name.strip_suffix('/'), name.split_once("->")) {
        (Some(name), _) => tar.directory(name),
        (_, Some((name, target))) => tar.symlink(name, target),
        _ => tar.file(name, b""),
    };
    text.split('|').map(|layer| layer.split_whitespace().fold(Tar::new(), entry)).collect()
}

/// T9: what hides what.
#[test]
fn t09_whiteouts_and_replacements() {
    for (name, upper, want) in [
        ("whiteout of a file", "d/.wh.a", "d/ d/s/ d/s/f e"),
        ("whiteout of a directory", ".wh.d", "e"),
        ("whiteout of nothing", ".wh.z y/.wh.z", "d/ d/a d/s/ d/s/f e"),
        ("opaque", "d/ d/.wh..wh..opq d/n", "d/ d/n e"),
        ("opaque without its directory", "d/.wh..wh..opq d/n", "d/ d/n e"),
        ("opaque root", ".wh..wh..opq n", "n"),
        ("removed, then made again", ".wh.d | d/ d/n", "d/ d/n e"),
        ("removed and made again at once", ".wh.d d/n", "d/ d/n e"),
        ("removed, made again, removed in part", ".wh.d | d/ d/n d/a | d/.wh.a", "d/ d/n e"),
        ("file over directory", "d", "d e"),
        ("directory over file", "e/ e/n", "d/ d/a d/s/ d/s/f e/ e/n"),
        ("implied directory over file", "e/n", "d/ d/a d/s/ d/s/f e/ e/n"),
        ("file, then directory over it", "d | d/", "d/ e"),
        ("link over directory", "d->e", "d e"),
        ("directory over link", "l->d | l/ l/n", "d/ d/a d/s/ d/s/f e l/ l/n"),
        ("directory over directory", "d/ d/n", "d/ d/a d/n d/s/ d/s/f e"),
    ] {
        let all = layers(&format!("d/ d/a d/s/ d/s/f e | {upper}"));
        assert_eq!(listing(&fold(&all)).join(" "), want, "{name}");
    }
}

/// T2, the tree's part: a directory entry brings its own metadata, an implied directory changes none.
#[test]
fn t02_metadata_of_directories() {
    let owned = |mode, uid| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_path("opt").unwrap();
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_mtime(7);
        header.set_size(0);
        Tar::new().header(header)
    };
    let kept = fold(&[owned(0o2775, 1000), Tar::new().file("opt/f", b"")]);
    let meta = &kept.get(&path("opt")).unwrap().entry.meta;
    assert_eq!((meta.mode, meta.uid, meta.gid, meta.mtime), (0o2775, 1000, 1000, 7));
    let new = fold(&[owned(0o2775, 1000).file("opt/f", b""), owned(0o700, 5)]);
    let meta = &new.get(&path("opt")).unwrap().entry.meta;
    assert_eq!((meta.mode, meta.uid), (0o700, 5));
    assert!(new.get(&path("opt/f")).is_some());
}

/// T6 and T17: names of one file.
#[test]
fn t06_replacing_one_name_leaves_the_other() {
    let base = Tar::new().file("d/a", b"old").hardlink("b", "./d/a").hardlink("c", "/b");
    let tree = fold(std::slice::from_ref(&base));
    assert_eq!(tree.aliases(&path("d/a")), [path("b"), path("c")]);
    assert_eq!(tree.aliases(&path("c")), [path("b"), path("d/a")]);
    assert_eq!(tree.get(&path("b")).unwrap().entry, tree.get(&path("d/a")).unwrap().entry);
    assert!(matches!(tree.get(&path("c")).unwrap().entry.node, Node::File(Content::InLayer { size: 3, .. })));

    let replaced = fold(&[base.clone(), Tar::new().file("d/a", b"new")]);
    assert_eq!((layer_of(&replaced, "d/a"), layer_of(&replaced, "b")), (1, 0));
    assert_eq!(replaced.aliases(&path("b")), [path("c")]);
    assert!(replaced.aliases(&path("d/a")).is_empty());

    let removed = fold(&[base.clone(), Tar::new().file(".wh.d", b"").file(".wh.b", b"")]);
    assert_eq!(listing(&removed), ["c"]);
    assert!(removed.aliases(&path("c")).is_empty());

    // A link to a file of a lower layer: its bytes are there.
    let across = fold(&[base.clone(), Tar::new().hardlink("e", "b")]);
    assert_eq!(layer_of(&across, "e"), 0);
    assert_eq!(across.aliases(&path("e")), [path("b"), path("c"), path("d/a")]);

    for wrong in ["none", "d"] {
        let changes = decoded(&base.clone().hardlink("e", wrong).bytes());
        let error = Rootfs::fold(0, &[&changes], true).unwrap_err();
        assert!(matches!(error, Error::Hardlink { .. }), "{wrong}");
    }
}

/// Children are found without looking at what is below them, whatever bytes names are made of.
#[test]
fn children_and_what_is_under() {
    let tree = fold(&[Tar::new()
        .file("a/x/1", b"")
        .file("a/x-/2", b"")
        .file("a/\u{1}", b"")
        .file("b", b"")
        .file("a/x\u{1}", b"")]);
    let names = |all: Vec<_>| {
        all.into_iter().map(|(p, _): (&imgforge::oci::ImagePath, _)| p.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(tree.children(&path("a")).collect()), ["/a/\\u{1}", "/a/x", "/a/x\\u{1}", "/a/x-"]);
    assert_eq!(names(tree.children(&path("")).collect()), ["/a", "/b"]);
    assert_eq!(names(tree.children(&path("b")).collect()), Vec::<String>::new());
    assert_eq!(names(tree.under(&path("a/x")).collect()), ["/a/x/1"]);
}

/// Layers from the top: what they decide, and what they cannot.
#[test]
fn upper_layers_say_only_what_stands() {
    let sure = "opt/ opt/app/ opt/app/lib.so opt/app/.wh.old | opt/ opt/new/ opt/new/.wh..wh..opq opt/link->/usr/lib";
    let top = upper(3, &layers(sure));
    assert_eq!(layer_of(&top, "opt/app/lib.so"), 3);
    assert!(matches!(top.resolve(&path("opt/app/old")), Err(LookupError::NotFound { .. })));
    assert!(matches!(top.resolve(&path("opt/new/any/thing")), Err(LookupError::NotFound { .. })));
    assert!(matches!(top.resolve(&path("opt/app/lib.so/x")), Err(LookupError::NotDirectory { .. })));
    assert_eq!(top.resolve_parent(&path("opt/app/x")).unwrap(), path("opt/app/x"));
    for (asked, depends) in [("opt/other", "opt/other"), ("opt/link/libc.so", "usr"), ("etc", "etc")] {
        assert_eq!(top.resolve(&path(asked)).unwrap_err(), unknown(asked, depends));
    }
    // A layer without its parents: `srv` may be a link to anywhere, so what it brings may be anything of its name.
    let top = upper(3, &layers(&format!("{sure} opt/new/index | srv/www/index")));
    assert_eq!(layer_of(&top, "opt/app/lib.so"), 3);
    for (asked, depends) in [("srv/www/index", "srv"), ("opt/new/index", "opt/new/index")] {
        assert_eq!(top.resolve(&path(asked)).unwrap_err(), unknown(asked, depends));
    }
}

/// What replaced a directory by a file, and that by a directory again, leaves nothing of the first.
#[test]
fn upper_layers_know_what_files_hid() {
    let top = upper(1, &layers("d | d/"));
    assert!(matches!(top.resolve(&path("d/x")), Err(LookupError::NotFound { .. })));
    let top = upper(1, &layers("d/ d/y | d/"));
    assert_eq!(top.resolve(&path("d/x")).unwrap_err(), unknown("d/x", "d/x"));
}

/// An opaque directory that may be a link may have emptied any directory.
#[test]
fn upper_layers_know_that_links_empty_directories() {
    let all = layers("lib->usr/lib | usr/ usr/lib/ usr/lib/a | lib/.wh..wh..opq");
    assert_eq!(listing(&fold(&all)), ["lib", "usr/", "usr/lib/"]);
    let asked = upper(1, &all[1..]).resolve(&path("usr/lib/a")).unwrap_err();
    assert_eq!(asked, unknown("usr/lib/a", "usr"));
}

fn unknown(asked: &str, depends: &str) -> LookupError {
    LookupError::Unknown { path: path(asked), at: path(depends) }
}

/// What a property once found: an entry below a link to nothing makes the directory it leads to, so the upper
/// layer cannot say that `/b`, which it removes, is not there.
#[test]
fn upper_layers_know_that_links_make_directories() {
    let layers = [Tar::new().symlink("a", "b"), Tar::new().file("a/c", b"").file(".wh.b", b"")];
    assert_eq!(listing(&fold(&layers)), ["a", "b/", "b/c"]);
    assert!(matches!(upper(1, &layers[1..]).resolve(&path("b")), Err(LookupError::Unknown { .. })));
}

/// Found in the same way: a directory that is removed is not emptied where its link leads.
#[test]
fn t09_an_opaque_marker_in_a_removed_directory_says_nothing() {
    let base = Tar::new().symlink("b", "c").file("c/a", b"");
    let tree = fold(&[base, Tar::new().file(".wh.b", b"").file("b/.wh..wh..opq", b"")]);
    assert_eq!(listing(&tree), ["c/", "c/a"]);
}

/// A link to a file is no place to put things, in any engine.
#[test]
fn t08_nothing_lands_below_a_link_to_a_file() {
    let layers = [Tar::new().file("f", b"").symlink("l", "f"), Tar::new().file("l/x", b"")]
        .map(|tar| decoded(&tar.bytes()));
    let error = Rootfs::fold(0, &layers.iter().collect::<Vec<_>>(), true).unwrap_err();
    assert!(matches!(error, Error::NotDirectory { .. }), "{error}");
}
