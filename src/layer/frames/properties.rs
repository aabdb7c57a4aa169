//! Blobs of frames of every shape, against what they were made of.

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;

use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::proptest;

use super::Frame;
use super::Frames;
use super::walk::Walk;

/// How one frame is made.
#[derive(Debug, Clone)]
enum Kind {
    /// Checksum, and whether its header says how long its content is.
    Data(bool, bool),
    /// A skippable one.
    Skippable,
}

fn frame(kind: &Kind, bytes: &[u8]) -> Vec<u8> {
    let Kind::Data(checksum, sized) = kind else {
        let length = u32::try_from(bytes.len()).unwrap();
        return [&[0x5a, 0x2a, 0x4d, 0x18][..], &length.to_le_bytes(), bytes].concat();
    };
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(*checksum).unwrap();
    if *sized {
        encoder.set_pledged_src_size(Some(bytes.len() as u64)).unwrap();
    }
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Runs, so that there are RLE blocks; noise, so that there are raw ones; texts.
fn content() -> impl Strategy<Value = Vec<u8>> {
    (0_usize..3, 0_usize..300_000, any::<u32>()).prop_map(|(shape, length, seed)| {
        let mut state = seed | 1;
        let byte = |at: usize| match shape {
            0 => 7,
            1 => {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            }
            _ => (at / 5 % 97) as u8,
        };
        (0..length).map(byte).collect()
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    (0_u8..5, any::<bool>(), any::<bool>()).prop_map(|(skip, checksum, sized)| match skip {
        0 => Kind::Skippable,
        _ => Kind::Data(checksum, sized),
    })
}

fn read(blob: &[u8], room: usize) -> (io::Result<Vec<u8>>, Vec<Frame>) {
    let mut frames = Frames::new(BufReader::with_capacity(room, blob)).unwrap();
    let noted = frames.noted();
    let mut out = Vec::new();
    (frames.read_to_end(&mut out).map(|_| out), noted.frames())
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    #[test]
    fn frames_are_found_where_they_begin_and_reading_begins_there(
        parts in proptest::collection::vec((kind(), content()), 0..6),
        room in 1_usize..70_000,
    ) {
        let (mut blob, mut out, mut starts) = (Vec::new(), Vec::<u8>::new(), Vec::new());
        for (kind, bytes) in &parts {
            starts.push(Frame { start: blob.len() as u64, out: out.len() as u64 });
            blob.extend_from_slice(&frame(kind, bytes));
            if matches!(kind, Kind::Data(..)) {
                out.extend_from_slice(bytes);
            }
        }
        starts.push(Frame { start: blob.len() as u64, out: out.len() as u64 });
        let (whole, noted) = read(&blob, room);
        prop_assert!(whole.unwrap() == out);
        prop_assert!(noted.iter().all(|frame| starts.contains(frame)), "{noted:?} {starts:?}");
        for pair in starts.windows(2) {
            let known = noted.iter().rfind(|frame| frame.start <= pair[1].start).unwrap();
            prop_assert!(pair[1].out - known.out < 512 << 10, "{:?} is far from {known:?}", pair[1]);
        }
        for frame in noted {
            let rest = read(&blob[frame.start as usize..], room).0.unwrap();
            prop_assert!(rest == out[frame.out as usize..]);
        }
    }

    #[test]
    fn damage_and_cuts_never_pass(
        (kind, bytes) in (any::<bool>().prop_map(|sized| Kind::Data(true, sized)), content()),
        place in any::<proptest::sample::Index>(),
        bit in 0_u8..8,
        room in 1_usize..70_000,
    ) {
        let good = [frame(&kind, &bytes), frame(&Kind::Skippable, b"abc"), frame(&kind, &bytes)].concat();
        let at = place.index(good.len());
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        if let Ok(read) = read(&bad, room).0 {
            // What the skippable frame holds says nothing.
            prop_assert_eq!(read, [&bytes[..], &bytes].concat());
        }
        let ends = [0, frame(&kind, &bytes).len(), frame(&kind, &bytes).len() + 11];
        prop_assert_eq!(read(&good[..at], room).0.is_ok(), ends.contains(&at), "cut at {}", at);
        prop_assert!(read(&[&good[..], b"x"].concat(), room).0.is_err());
    }

    #[test]
    fn no_bytes_make_the_walk_go_wrong(bytes in proptest::collection::vec(any::<u8>(), 0..64), first in any::<bool>()) {
        let magic: &[u8] = if first { &[0x28, 0xb5, 0x2f, 0xfd] } else { &[] };
        let bytes = [magic, &bytes].concat();
        let (mut whole, mut pieces) = (Walk::new(), Walk::new());
        let once = whole.pass(&bytes).map_err(|error| error.to_string());
        let mut at = 0;
        let cut = loop {
            let Some(byte) = bytes.get(at) else { break Ok((at, false)) };
            match pieces.pass(&[*byte]) {
                Ok((count, ended)) => {
                    at += count;
                    if ended { break Ok((at, true)) }
                }
                Err(error) => break Err(error.to_string()),
            }
        };
        if !bytes.is_empty() {
            prop_assert_eq!(once, cut);
        }
    }
}
