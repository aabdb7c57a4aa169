//! What must hold for every blob: the same bytes as flate2, from its beginning and from every restart point.

use std::io;

use proptest::prelude::*;

use super::Gunzip;
use super::Restart;
use super::samples::Blob;
use super::samples::Dribble;
use super::samples::blobs;
use super::samples::deflate;
use super::samples::drain;
use super::samples::flate2;
use super::samples::member;
use super::samples::plain;

/// Restart points for each of `wanted`, and block ends, when read in pieces of `size`.
fn notes(blob: &Blob, wanted: &[u64], size: usize) -> (Vec<Restart>, Vec<(u64, u64)>) {
    let (gunzip, handle) = Gunzip::new(Dribble(&blob.gz, size * 3 + 1)).watched(100_000);
    for out in wanted {
        handle.mark(*out);
        handle.end(*out);
    }
    assert!(drain(gunzip, size).unwrap() == blob.plain);
    (handle.restarts(), handle.ends())
}

fn places(blob: &Blob, wanted: &[u64]) -> Vec<u64> {
    wanted.iter().map(|at| at % (blob.plain.len() as u64 + 1)).collect()
}

/// Reading from `restart` with nothing but the bytes up to `end` gives the output up to `out`.
fn check_range(blob: &Blob, restart: &Restart, out: u64, end: u64) {
    let stored = postcard::to_stdvec(restart).unwrap();
    let restart: Restart = postcard::from_bytes(&stored).unwrap();
    let bytes = &blob.gz[restart.byte() as usize..end as usize];
    let mut gunzip = Gunzip::resume(bytes, &restart).unwrap();
    let mut read = vec![0; (out - restart.out) as usize];
    io::Read::read_exact(&mut gunzip, &mut read).unwrap();
    assert!(read == blob.plain[restart.out as usize..out as usize]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn reads_what_flate2_reads(blob in blobs(200_000), size in 1..70_000_usize, dribble in 1..5000_usize) {
        prop_assert!(flate2(&blob.gz).unwrap() == blob.plain);
        prop_assert!(drain(Gunzip::new(Dribble(&blob.gz, dribble)), size).unwrap() == blob.plain);
    }

    #[test]
    fn every_restart_gives_the_rest(blob in blobs(120_000), wanted in proptest::collection::vec(any::<u64>(), 1..6)) {
        let wanted = places(&blob, &wanted);
        let (restarts, ends) = notes(&blob, &wanted, 8192);
        for restart in &restarts {
            check_range(&blob, restart, blob.plain.len() as u64, blob.gz.len() as u64);
            for (out, end) in ends.iter().filter(|(out, _)| *out > restart.out) {
                check_range(&blob, restart, *out, *end);
            }
        }
        for out in &wanted {
            prop_assert!(restarts.iter().any(|restart| restart.out <= *out), "{out}");
            prop_assert!(ends.iter().any(|(end, _)| end == out), "{out}");
        }
    }

    #[test]
    fn notes_do_not_depend_on_how_it_is_read(
        blob in blobs(150_000), wanted in proptest::collection::vec(any::<u64>(), 1..6), size in 500..40_000_usize,
    ) {
        let wanted = places(&blob, &wanted);
        prop_assert_eq!(notes(&blob, &wanted, size), notes(&blob, &wanted, 1 << 20));
    }

    #[test]
    fn a_point_found_from_a_point_is_the_same(blob in blobs(150_000), at in any::<u64>(), more in any::<u64>()) {
        let wanted = places(&blob, &[at, more]);
        let (restarts, _) = notes(&blob, &wanted, 8192);
        let (Some(first), Some(last)) = (restarts.first(), restarts.last()) else { return Ok(()) };
        let (gunzip, handle) =
            Gunzip::resume(&blob.gz[first.byte() as usize..], first).unwrap().watched(u64::MAX);
        handle.mark(last.out);
        prop_assert!(drain(gunzip, 4096).unwrap() == blob.plain[first.out as usize..]);
        let again = handle.restarts().pop().unwrap();
        prop_assert_eq!((again.bit, again.out), (last.bit, last.out));
        // A window that is kept whole has bytes in it that nobody uses, and that the first point does not know.
        if last.window.as_ref().is_none_or(|window| window.len() < 32 << 10) {
            prop_assert!(again.window == last.window);
        }
        check_range(&blob, &again, blob.plain.len() as u64, blob.gz.len() as u64);
    }

    #[test]
    fn a_cut_blob_is_told_and_gives_no_wrong_bytes(blob in blobs(60_000), at in any::<usize>()) {
        let cut = &blob.gz[..at % blob.gz.len()];
        let mut read = Vec::new();
        match io::Read::read_to_end(&mut Gunzip::new(cut), &mut read) {
            Err(error) => prop_assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
            // Between two members nothing shows that something is missing.
            Ok(_) => prop_assert!(flate2(cut).unwrap() == read),
        }
        prop_assert!(blob.plain.starts_with(&read));
    }

    #[test]
    fn a_flipped_bit_never_gives_other_bytes(blob in blobs(60_000), at in any::<usize>()) {
        let mut gz = blob.gz.clone();
        let bit = at % (gz.len() * 8);
        gz[bit / 8] ^= 1 << (bit % 8);
        let (gunzip, handle) = Gunzip::new(&gz[..]).watched(10_000);
        if let Ok(read) = drain(gunzip, 4096) {
            prop_assert!(read == blob.plain);
        }
        for restart in handle.restarts() {
            drop(drain(Gunzip::resume(&gz[restart.byte() as usize..], &restart).unwrap(), 4096));
        }
    }
}

#[test]
fn marks_asked_for_late_are_the_same() {
    let plain = plain(7, 3_000_000);
    let blob = Blob { gz: member(&deflate(&plain, 6, &[]), &plain), plain };
    let wanted = [40_000, 700_000, 1_500_000];
    let (early, _) = notes(&blob, &wanted, 100_000);
    let (mut gunzip, handle) = Gunzip::new(&blob.gz[..]).watched(100_000);
    let mut read = vec![0; 10_000];
    for out in wanted {
        let before = handle.0.lock().unwrap().inflate.ring.served();
        (before..out + 990_000)
            .step_by(read.len())
            .for_each(|_| io::Read::read_exact(&mut gunzip, &mut read).unwrap());
        handle.mark(out);
    }
    drain(gunzip, 10_000).unwrap();
    assert_eq!(handle.restarts(), early);
}

#[test]
fn a_long_block_has_a_mark_at_its_beginning() {
    let plain = [plain(9, 100_000), vec![0; 4_000_000], plain(10, 100_000)].concat();
    let blob = Blob { gz: member(&deflate(&plain, 6, &[]), &plain), plain };
    let (gunzip, handle) = Gunzip::new(&blob.gz[..]).watched(u64::MAX);
    handle.mark(2_000_000);
    drain(gunzip, 100_000).unwrap();
    let restarts = handle.restarts();
    let restart = restarts.iter().rfind(|restart| restart.out <= 2_000_000).unwrap();
    assert!((1..100_000).contains(&restart.out), "{}", restart.out);
    check_range(&blob, restart, blob.plain.len() as u64, blob.gz.len() as u64);
}

/// After a flush that forgets, nothing of a window is used; where all repeats from far away, all is.
#[test]
fn a_window_holds_what_is_used() {
    let noise = plain(21, 20_000);
    let plain = [&noise[..], &noise, &noise].concat();
    for (full, least, most) in [(true, 0, 0), (false, 1, 32_768)] {
        let blob = Blob { gz: member(&deflate(&plain, 9, &[(40_000, full)]), &plain), plain: plain.clone() };
        let (restarts, _) = notes(&blob, &[40_000], 4096);
        let restart = restarts.last().unwrap();
        assert_eq!(restart.out, 40_000);
        let held = restart.window.as_ref().unwrap().len();
        assert!((least..=most).contains(&held), "{held}");
        check_range(&blob, restart, 60_000, blob.gz.len() as u64);
    }
}
