//! The corners of RFC 1951 and 1952, one stream each, written by hand; flate2 is asked as well.

use std::io;

use flate2::Crc;

use super::Gunzip;
use super::Restart;
use super::Window;
use super::samples::Hand;
use super::samples::drain;
use super::samples::flate2;
use super::samples::member;

/// Code lengths of the code of code lengths, in the order they are written: 1, 2 and 18 have words.
const SHORT: [usize; 18] = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2];
/// The same with 0, each word of two bits: `00` is 0, `01` is 1, `10` is 2, `11` is 18.
const SHORT_WITH_ZERO: [usize; 18] = [0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2];

fn fixed() -> Hand {
    Hand::default().word("1").number(1, 2)
}

/// `plain` is what the stream holds; `None` if it is broken.
fn expect(what: &str, stream: Hand, plain: Option<&[u8]>) {
    let gz = member(&stream.bytes(), plain.unwrap_or_default());
    let read = drain(Gunzip::new(&gz[..]), 100);
    assert_eq!(flate2(&gz).ok(), plain.map(<[u8]>::to_vec), "flate2: {what}");
    match plain {
        Some(plain) => assert_eq!(read.unwrap(), plain, "{what}"),
        None => assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}"),
    }
}

/// A dynamic block: `a` is `10`, the end `11`, a match of three `0`; then the lengths of distances.
fn three(distances: usize, lengths: &str) -> Hand {
    let hand = Hand::default().dynamic(258, distances, &SHORT_WITH_ZERO);
    let hand = hand.word("11").number(97 - 11, 7).word("10");
    let hand = hand.word("11").number(138 - 11, 7).word("11").number(20 - 11, 7);
    hand.word("10").word("01").word(lengths)
}

#[test]
fn fixed_blocks() {
    let a = "10010001";
    expect("one literal", fixed().word(a).word("0000000"), Some(b"a"));
    expect("nothing", fixed().word("0000000"), Some(b""));
    let long = fixed().word(a).word("11000100").number(31, 5).word("00000").word("0000000");
    expect("258 said as 284 and 31", long, Some(&[b'a'; 259]));
    let long = fixed().word(a).word("11000101").word("00000").word("0000000");
    expect("258 said as 285", long, Some(&[b'a'; 259]));
    expect(
        "a match before the beginning",
        fixed().word(a).word("0000001").word("00001").word("0000000"),
        None,
    );
    expect("distance 30", fixed().word(a).word("0000001").word("11110").word("0000000"), None);
    expect("length 286", fixed().word(a).word("11000110").word("00000").word("0000000"), None);
}

#[test]
fn kinds_of_blocks() {
    expect("kind 3", Hand::default().word("1").number(3, 2), None);
    let stored = |check| Hand::default().word("1").number(0, 7).number(1, 16).number(check, 16).number(65, 8);
    expect("stored", stored(0xfffe), Some(b"A"));
    expect("stored with a wrong check", stored(0xffff), None);
    let empty = Hand::default().number(0, 8).number(0, 16).number(0xffff, 16);
    expect("an empty one before the last", empty.word("1").number(1, 2).word("0000000"), Some(b""));
}

#[test]
fn codes_of_distances() {
    expect("one word of one bit", three(1, "01").word("10").word("0").word("0").word("11"), Some(b"aaaa"));
    expect("the word that it leaves", three(1, "01").word("10").word("0").word("1").word("11"), None);
    expect("none, none used", three(1, "00").word("10").word("10").word("11"), Some(b"aa"));
    expect("none, one used", three(1, "00").word("10").word("0").word("0").word("11"), None);
    expect("one word of two bits", three(1, "10").word("10").word("11"), None);
    expect("three words of one bit", three(3, "010101").word("10").word("11"), None);
}

#[test]
fn codes_of_literals() {
    // The lengths of `a`, of the end and of a match are chosen; SHORT has 18 as `0`, 1 as `10`, 2 as `11`.
    let lengths = |a: &str, end: &str, three: &str| {
        let hand = Hand::default().dynamic(258, 1, &SHORT).word("0").number(97 - 11, 7).word(a);
        let hand = hand.word("0").number(138 - 11, 7).word("0").number(20 - 11, 7);
        hand.word(end).word(three).word("10")
    };
    expect("complete", lengths("11", "11", "10").word("10").word("11"), Some(b"a"));
    expect("incomplete", lengths("11", "11", "11").word("00").word("01"), None);
    expect("too many", lengths("10", "10", "10").word("0").word("1"), None);
    for literals in [287, 288] {
        expect("more literals than there are", Hand::default().dynamic(literals, 1, &SHORT), None);
    }
    expect("more distances than there are", Hand::default().dynamic(258, 31, &SHORT), None);
    expect("a code of one word", Hand::default().dynamic(258, 1, &[0, 0, 1, 0]).number(0, 200), None);
    expect("a code of no words", Hand::default().dynamic(258, 1, &[0, 0, 0, 0]).number(0, 400), None);
    expect("repeating nothing", Hand::default().dynamic(258, 1, &[1, 0, 1, 0]).number(0, 200), None);
    let far = Hand::default().dynamic(257, 1, &SHORT).word("0").number(127, 7).word("0").number(127, 7);
    expect("a run past the end", far.number(0, 200), None);
    let hand = Hand::default().dynamic(258, 1, &SHORT).word("0").number(97 - 11, 7).word("10").word("10");
    let hand = hand.word("0").number(138 - 11, 7).word("0").number(21 - 11, 7).word("10").word("0");
    expect("no end of block", hand.number(0, 200), None);
}

/// A header with all its parts, and its check if `check` is added to it.
fn header(flags: u8, wrong: u8) -> Vec<u8> {
    let mut header = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 5, 6];
    if flags & 4 != 0 {
        header.extend([3, 0, 9, 9, 9]);
    }
    for _ in 0..(flags >> 3 & 1) + (flags >> 4 & 1) {
        header.extend(b"text\0");
    }
    if flags & 2 != 0 {
        let mut crc = Crc::new();
        crc.update(&header);
        header.extend([crc.sum() as u8 ^ wrong, (crc.sum() >> 8) as u8]);
    }
    header
}

#[test]
fn gzip_headers() {
    let rest = member(&fixed().word("0000000").bytes(), b"")[10..].to_vec();
    for flags in 0..=255_u8 {
        for wrong in [0, 1] {
            let gz = [header(flags, wrong), rest.clone()].concat();
            let good = flags < 32 && (wrong == 0 || flags & 2 == 0);
            assert_eq!(drain(Gunzip::new(&gz[..]), 10).is_ok(), good, "{flags} {wrong}");
            assert_eq!(flate2(&gz).is_ok(), good, "{flags} {wrong}");
        }
    }
    let endless = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &vec![b'x'; 1 << 20]].concat();
    assert_eq!(drain(Gunzip::new(&endless[..]), 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn what_follows_the_last_member() {
    let good = member(&fixed().word("10010001").word("0000000").bytes(), b"a");
    let kind = |bytes: &[u8]| drain(Gunzip::new(bytes), 10).map_err(|error| error.kind());
    assert_eq!(kind(&good), Ok(b"a".to_vec()));
    assert_eq!(kind(&[]), Err(io::ErrorKind::UnexpectedEof));
    for garbage in [&[0; 10][..], b"x", b"garbage"] {
        assert_eq!(kind(&[&good, garbage].concat()), Err(io::ErrorKind::InvalidData));
    }
    assert_eq!(kind(&[&good, &[0x1f][..]].concat()), Err(io::ErrorKind::UnexpectedEof));
    assert_eq!(kind(&[&good, &[0x1f, 0x8c][..]].concat()), Err(io::ErrorKind::InvalidData));
    let mut wrong = good;
    let at = wrong.len() - 5;
    wrong[at] ^= 1;
    assert_eq!(kind(&wrong), Err(io::ErrorKind::InvalidData));
}

#[test]
fn restarts_from_strangers() {
    let restart = |bit, out, window| Restart { bit, out, window };
    let damaged = |runs: &[(u16, u16)], bytes: usize| {
        let stored = postcard::to_stdvec(&(runs, vec![1_u8; bytes])).unwrap();
        let window: Window = postcard::from_bytes(&stored).unwrap();
        restart(3, 5, Some(window)).validate().is_err()
    };
    assert!(!damaged(&[], 0) && !damaged(&[(0, 32_768)], 32_768) && !damaged(&[(5, 1), (0, 2)], 3));
    assert!(damaged(&[(1, 32_768)], 32_768) && damaged(&[(0, 1)], 2) && damaged(&[(0, 2)], 1));
    assert!(damaged(&[(65_535, 1)], 1) && damaged(&[(0, 0)], 0) && damaged(&[(32_767, 1), (0, 1)], 2));
    assert!(restart(u64::MAX, 0, None).validate().is_err() && restart(0, u64::MAX, None).validate().is_err());
    assert!(restart(9, 0, None).validate().is_err() && restart(16, 0, None).validate().is_ok());
}
