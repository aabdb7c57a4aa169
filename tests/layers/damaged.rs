//! Tars that must be refused, and whose fault it is.

use std::io::Cursor;
use std::io::Read;

use imgforge::layer::Entry;
use imgforge::layer::decode;
use imgforge::oci::ImagePath;

use crate::tar_of::Tar;
use crate::tar_of::decoded;
use crate::tar_of::failure;

/// Bounds, damage, and what cannot be read: each is an error that says what.
#[test]
fn bad_tars_are_refused() {
    let too_long = Tar::new().entry(b'L', b"L", b"", &vec![b'x'; (1 << 20) + 1]).file("a", b"").bytes();
    assert!(matches!(failure(&too_long), decode::Error::TooLong { .. }));
    let long = "x/".repeat(4096);
    let tar = Tar::new().gnu_long_name(&long).file("a", b"").bytes();
    assert_eq!(decoded(&tar).upserts.into_keys().next().unwrap().components().count(), 4096);

    let dangling = Tar::new().pax(&[("uid", b"7")]).bytes();
    assert!(matches!(failure(&dangling), decode::Error::Truncated { .. }));
    let unfit = Tar::new().pax(&[("size", b"-1")]).file("a", b"").bytes();
    assert!(matches!(failure(&unfit), decode::Error::Field { .. }));
    let sparse = Tar::new().pax(&[("GNU.sparse.major", b"1")]).file("a", b"").bytes();
    assert!(matches!(failure(&sparse), decode::Error::Sparse { .. }));
    assert!(matches!(failure(&Tar::new().entry(b'S', b"a", b"", b"").bytes()), decode::Error::Sparse { .. }));
    assert!(matches!(
        failure(&Tar::new().entry(b'M', b"a", b"", b"").bytes()),
        decode::Error::Type { flag: b'M', .. }
    ));
    assert!(matches!(failure(&Tar::new().symlink("./", "x").bytes()), decode::Error::Root));
    let mut flipped = Tar::new().file("a", b"").bytes();
    flipped[1] ^= 1;
    assert!(matches!(failure(&flipped), decode::Error::Checksum { at: 0 }));
    let gap =
        [Tar::new().file("a", b"").bytes()[..1024].to_vec(), Tar::new().file("b", b"").bytes()].concat();
    assert!(matches!(failure(&gap), decode::Error::Checksum { at: 1024 }));
}

/// Whose fault it is: the stream's or the visitor's.
#[test]
fn errors_of_stream_and_visitor_are_told_apart() {
    let tar = Tar::new().file("a", &[7; 100_000]).bytes();
    let mut broken = Cursor::new(tar[..600].to_vec()).chain(Broken);
    let read_all = &mut |_: &ImagePath, _: &Entry, body: &mut dyn Read| {
        std::io::copy(body, &mut std::io::sink()).map(|_| ())
    };
    let error = decode::decode(&mut broken, read_all).unwrap_err();
    assert!(matches!(error, decode::Error::Read { .. }), "{error}");
    assert!(matches!(
        decode::decode(&mut &tar[..5000], read_all).unwrap_err(),
        decode::Error::Truncated { .. }
    ));
    let error = decode::decode(&mut &tar[..], &mut |_, _, _| Err(std::io::ErrorKind::StorageFull.into()))
        .unwrap_err();
    assert!(matches!(error, decode::Error::Visit { .. }), "{error}");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}
