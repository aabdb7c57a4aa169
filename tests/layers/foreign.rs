//! Layers that others write: GNU tar, Python's `tarfile`, and hands with bad intentions.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::io::Read;

use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::layer::decode;
use imgforge::layer::encode;
use imgforge::oci::ImagePath;

use crate::gnu_tar;
use crate::python;
use crate::tar_of::Tar;
use crate::tar_of::decoded;
use crate::tar_of::encoded;
use crate::tar_of::failure;
use crate::tar_of::path;

/// Everything a tar can hold, written by Python in the format named by `%s`.
const ZOO: &str = r#"
import io, sys, tarfile
t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=getattr(tarfile, '%s'))
def add(name, kind, data=b'', **fields):
    i = tarfile.TarInfo(name)
    i.type, i.size, i.mode, i.mtime, i.uname, i.gname = kind, len(data), 0o4751, 1700000000, 'someone', 'some'
    for k, v in fields.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
add('dir', tarfile.DIRTYPE)
add('dir/' + 'n' * 150, tarfile.REGTYPE, b'long name')
add('dir/' + 'd' * 120 + '/' + 'e' * 200 + '/f', tarfile.REGTYPE, b'x' * 513)
add('ü', tarfile.REGTYPE, b'utf-8')
add('ids', tarfile.REGTYPE, uid=3000000, gid=5000000)
add('link', tarfile.SYMTYPE, linkname='../' * 60 + 'etc/x')
add('hard', tarfile.LNKTYPE, linkname='dir/' + 'n' * 150)
add('null', tarfile.CHRTYPE, devmajor=1, devminor=3)
add('disk', tarfile.BLKTYPE, devmajor=259, devminor=7)
add('pipe', tarfile.FIFOTYPE)
t.close()
"#;

/// T15: long names, big owners, every kind of entry, in both formats there are for them.
#[test]
fn t15_tars_of_python() {
    for format in ["PAX_FORMAT", "GNU_FORMAT"] {
        let tar = python::run(&ZOO.replace("%s", format), b"");
        let changes = decoded(&tar);
        let node = |name: &str| &changes.upserts[&path(name)].node;
        let long = format!("dir/{}", "n".repeat(150));
        let deep = format!("dir/{}/{}/f", "d".repeat(120), "e".repeat(200));
        assert_eq!(changes.upserts.len(), 10, "{format}");
        assert_eq!(content(&tar, node(&long)), b"long name");
        assert_eq!(content(&tar, node(&deep)), [b'x'; 513]);
        assert_eq!(content(&tar, node("ü")), b"utf-8");
        assert_eq!(*node("link"), Node::Symlink(("../".repeat(60) + "etc/x").into()));
        assert_eq!(*node("hard"), Node::Hardlink(path(&long)));
        assert_eq!(*node("null"), Node::CharDevice(1, 3));
        assert_eq!(*node("disk"), Node::BlockDevice(259, 7));
        assert_eq!(*node("pipe"), Node::Fifo);
        let ids = &changes.upserts[&path("ids")].meta;
        assert_eq!((ids.uid, ids.gid, ids.mode, ids.mtime), (3_000_000, 5_000_000, 0o4751, 1_700_000_000));

        // Written again, by us, and read by Python: the same once more.
        let again = encoded(&in_memory(&tar, &changes));
        let facts = "((m.name, m.type, m.mode, m.uid, m.gid, m.mtime, m.size, m.linkname, m.devmajor, m.devminor, m.uname) \
                     for m in sorted(t.getmembers(), key=lambda m: m.name))";
        let want: Vec<String> =
            python::of_tar(facts, &tar).iter().map(|line| line.replace("'someone'", "''")).collect();
        assert_eq!(python::of_tar(facts, &again), want, "{format}");
    }
}

fn content<'a>(tar: &'a [u8], node: &Node) -> &'a [u8] {
    let Node::File(Content::InLayer { offset, size }) = node else { panic!("{node:?}") };
    let start = usize::try_from(*offset).unwrap();
    &tar[start..start + usize::try_from(*size).unwrap()]
}

/// The changeset with its contents taken out of the tar.
fn in_memory(tar: &[u8], changes: &Changeset) -> Changeset {
    let mut changes = changes.clone();
    for entry in changes.upserts.values_mut() {
        if let Node::File(_) = entry.node {
            entry.node = Node::File(Content::Bytes(content(tar, &entry.node).to_vec()));
        }
    }
    changes
}

/// T15: names that are no UTF-8, short and long, there and back and through GNU tar.
#[test]
fn t15_names_are_bytes() {
    let raw = |bytes: &[u8]| ImagePath::from_tar(bytes).unwrap();
    let long = raw(&[b"d/\xff".as_slice(), &[b'x'; 120], b"\xfe"].concat());
    let target = [b"\xe4".as_slice(), &[b'y'; 120]].concat();
    let names = [(raw(b"caf\xe9"), Node::File(Content::Bytes(Vec::new()))), (long, Node::Symlink(target))];
    let edit = Changeset {
        upserts: names
            .into_iter()
            .map(|(name, node)| (name, Entry { meta: Meta::root(0o777), node }))
            .collect(),
        ..Changeset::default()
    };
    let tar = encoded(&edit);
    assert_eq!(in_memory(&tar, &decoded(&tar)), edit);
    let names = gnu_tar::names(&tar);
    assert_eq!(names[0], "caf\\351");
    assert_eq!(names[1], format!("d/\\377{}\\376", "x".repeat(120)));
}

/// T15: a file of 9 GiB, in PAX and in base 256, without its bytes being held anywhere.
#[test]
fn t15_files_above_8_gib() {
    const SIZE: u64 = 9 << 30;
    let edit = |name: &str, node| (path(name), Entry { meta: Meta::root(0o644), node });
    let changes = Changeset {
        upserts: [
            edit("big", Node::File(Content::InLayer { offset: 0, size: SIZE })),
            edit("then", Node::File(Content::Bytes(b"after".into()))),
        ]
        .into(),
        ..Changeset::default()
    };
    let mut written = Ends::default();
    encode::encode(&changes, &mut |_, _| Ok(Box::new(std::io::repeat(0).take(SIZE))), &mut written).unwrap();
    assert_eq!(written.length, 3 * 512 + SIZE + 2 * 512 + 1024);
    let head = written.head[..3 * 512].to_vec();
    let rest = written.tail();

    let mut base_256 = tar::Header::new_gnu();
    base_256.set_path("big").unwrap();
    base_256.set_mode(0o644);
    base_256.set_uid(0);
    base_256.set_gid(0);
    base_256.set_mtime(0);
    base_256.set_size(SIZE);
    base_256.set_cksum();
    for head in [head, base_256.as_bytes().to_vec()] {
        let offset = head.len() as u64;
        let mut stream =
            Cursor::new(head).chain(std::io::repeat(0).take(SIZE)).chain(Cursor::new(rest.clone()));
        let back = decode::decode(&mut stream, &mut |_, _, _| Ok(())).unwrap();
        assert_eq!(back.upserts[&path("big")].node, Node::File(Content::InLayer { offset, size: SIZE }));
        let then = Content::InLayer { offset: offset + SIZE + 512, size: 5 };
        assert_eq!(back.upserts[&path("then")].node, Node::File(then));
    }
}

/// Keeps the first and the last blocks of what is written.
#[derive(Default)]
struct Ends {
    head: Vec<u8>,
    last: Vec<u8>,
    length: u64,
}

impl Ends {
    fn tail(&self) -> Vec<u8> {
        self.last[self.last.len() - 2 * 512 - 1024..].to_vec()
    }
}

impl std::io::Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.head.len() < 4096 {
            self.head.extend(bytes);
        }
        self.last.extend(&bytes[bytes.len().saturating_sub(4096)..]);
        self.last.drain(..self.last.len().saturating_sub(4096));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// T4: of two entries with one name the last one counts, as in every engine that takes them at all;
/// and what is written never has two.
#[test]
fn t04_duplicates() {
    let tar = Tar::new()
        .file("a", b"one")
        .directory("d")
        .file("d/x", b"")
        .file("./a", b"second")
        .file("d", b"")
        .bytes();
    let changes = decoded(&tar);
    assert_eq!(changes.upserts.keys().cloned().collect::<Vec<_>>(), [path("a"), path("d")]);
    assert_eq!(content(&tar, &changes.upserts[&path("a")].node), b"second");
    assert_eq!(gnu_tar::names(&encoded(&in_memory(&tar, &changes))), ["a", "d"]);
}

/// T18: names that would leave the image are refused, link targets are data.
#[test]
fn t18_names_that_leave_the_image() {
    for bad in ["../x", "a/../../x", "/../x", "..", "a/..", "../.wh.x"] {
        let error = failure(&Tar::new().file(bad, b"").bytes());
        assert!(matches!(error, decode::Error::Path { .. }), "{bad}: {error}");
    }
    let error = failure(&Tar::new().hardlink("a", "../../etc/passwd").bytes());
    assert!(matches!(error, decode::Error::Path { .. }), "{error}");
    let error = failure(&Tar::new().pax(&[("path", b"a\0b")]).file("a", b"").bytes());
    assert!(matches!(error, decode::Error::Field { .. }), "{error}");

    // Absolute names begin at the image's root, as everywhere; hard links too, never at the working directory.
    let tar = Tar::new().file("/etc/x", b"").hardlink("./b/c", "etc/x").bytes();
    assert_eq!(decoded(&tar).upserts[&path("b/c")].node, Node::Hardlink(path("etc/x")));

    // glibc's own links, and worse: dropping them broke real images (go-containerregistry #2250).
    for target in
        ["../../../lib/x86_64-linux-gnu/libc.so.6", "../../../../../../etc/shadow", "/etc", "..", "a\\..\\b"]
    {
        let tar = Tar::new().symlink("usr/lib/l", target).bytes();
        let changes = decoded(&tar);
        assert_eq!(changes.upserts[&path("usr/lib/l")].node, Node::Symlink(target.into()));
        assert_eq!(decoded(&encoded(&changes)), changes);
    }
}

/// T18: an entry below a link of its own layer lands where the link leads, inside the image.
#[test]
fn t18_entries_below_links_of_the_same_layer() {
    let names =
        |tar: Tar| decoded(&tar.bytes()).upserts.into_keys().map(|p| p.to_string()).collect::<Vec<_>>();
    assert_eq!(names(Tar::new().symlink("a", "/etc").file("a/x", b"")), ["/a", "/etc/x"]);
    assert_eq!(names(Tar::new().symlink("a", "../../..").file("a/x", b"")), ["/a", "/x"]);
    // The other way round the link replaces the directory, as in an engine that unpacks in order.
    assert_eq!(names(Tar::new().file("a/x", b"").symlink("a", "/etc")), ["/a"]);
    let error = failure(&Tar::new().file("a", b"").file("a/x", b"").bytes());
    assert!(matches!(error, decode::Error::BelowFile { .. }), "{error}");
    let error = failure(&Tar::new().symlink("a", "b").symlink("b", "a").file("a/x", b"").bytes());
    assert!(matches!(error, decode::Error::Loop { .. }), "{error}");
    let error = failure(&Tar::new().hardlink("a", "/a").bytes());
    assert!(matches!(error, decode::Error::SelfLink { .. }), "{error}");
}

/// What is read as Go's `archive/tar` reads it, on purpose.
#[test]
fn entries_are_read_as_engines_read_them() {
    let tar = Tar::new()
        .extended(b'g', &[("path", b"wrong"), ("uid", b"7"), ("comment", b"from git archive")])
        .pax(&[("path", b"pax"), ("uid", b"")])
        .gnu_long_name("gnu")
        .file("short", b"")
        .entry(0, b"old/", b"", b"")
        .entry(b'7', b"contiguous", b"", b"x")
        .bytes();
    let changes = decoded(&tar);
    let kinds: BTreeMap<String, bool> =
        changes.upserts.iter().map(|(p, e)| (p.to_string(), e.node == Node::Directory)).collect();
    assert_eq!(
        kinds,
        [("/gnu", false), ("/old", true), ("/contiguous", false)].map(|(n, d)| (n.to_owned(), d)).into()
    );
    assert_eq!(changes.upserts[&path("gnu")].meta.uid, 0);

    let mut blank = tar::Header::new_ustar();
    blank.set_path("blank").unwrap();
    blank.set_size(0);
    blank.set_mode(0o600);
    blank.as_ustar_mut().unwrap().uid = *b"        ";
    assert_eq!(decoded(&Tar::new().header(blank).bytes()).upserts[&path("blank")].meta.uid, 0);
}
