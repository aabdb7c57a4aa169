//! Our inflate against flate2's, on bytes that are a deflate stream (first byte even) or a whole gzip blob.
//!
//! Both must take the same inputs and give the same bytes; where both refuse, one may have given more before it
//! noticed. From every restart point the rest must come out again.
#![no_main]

use std::io::Read;

use flate2::Crc;
use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;
use flate2::bufread::GzDecoder;
use imgforge::deflate::Gunzip;
use libfuzzer_sys::fuzz_target;

/// Output beyond this is not looked at.
const MOST: usize = 4 << 20;

/// What is read before the end or an error, and whether it was the end. `None`: too much.
fn drain(mut reader: impl Read, size: usize) -> Option<(Vec<u8>, bool)> {
    let (mut out, mut piece) = (Vec::new(), vec![0; size]);
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Some((out, true)),
            Err(_) => return Some((out, false)),
            Ok(count) => out.extend_from_slice(&piece[..count]),
        }
        if out.len() > MOST {
            return None;
        }
    }
}

/// The blob that a deflate stream makes, with the sums of what flate2 finds in it.
fn wrapped(stream: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(MOST);
    let mut inflate = Decompress::new(false);
    let status = inflate.decompress_vec(stream, &mut plain, FlushDecompress::Finish);
    if plain.len() == MOST {
        return None;
    }
    let used = if status.is_ok_and(|status| status == Status::StreamEnd) {
        inflate.total_in() as usize
    } else {
        stream.len()
    };
    let mut crc = Crc::new();
    crc.update(&plain);
    let mut gz = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gz.extend_from_slice(&stream[..used]);
    gz.extend_from_slice(&crc.sum().to_le_bytes());
    gz.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    Some(gz)
}

/// flate2's word on a blob: all members, and nothing behind them.
fn expected(gz: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (mut out, mut rest) = (Vec::new(), gz);
    loop {
        let mut member = GzDecoder::new(rest);
        let (more, good) = drain(&mut member, 64 << 10)?;
        out.extend(more);
        rest = member.into_inner();
        match rest.first() {
            _ if out.len() > MOST => return None,
            _ if !good => return Some((out, false)),
            None => return Some((out, true)),
            Some(0x1f) => {}
            Some(_) => return Some((out, false)),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let [kind, spacing, size, rest @ ..] = data else { return };
    let Some(gz) = (if kind & 1 == 0 { wrapped(rest) } else { Some(rest.to_vec()) }) else { return };
    let size = 1 + usize::from(*size) * 257;
    let (gunzip, handle) = Gunzip::new(&gz[..]).watched(64 + u64::from(*spacing) * 64);
    handle.mark(size as u64);
    let (Some((plain, good)), Some((theirs, theirs_good))) = (drain(gunzip, size), expected(&gz)) else {
        return;
    };
    assert_eq!(good, theirs_good);
    let common = plain.len().min(theirs.len());
    assert!(plain[..common] == theirs[..common] && (!good || plain.len() == theirs.len()));
    for restart in handle.restarts().iter().take(12) {
        let Some(bytes) = gz.get(restart.byte() as usize..) else { panic!("a restart behind the end") };
        let resumed = Gunzip::resume(bytes, restart).expect("our own restart point");
        let Some((again, again_good)) = drain(resumed, 64 << 10) else { continue };
        let from = &plain[restart.out as usize..];
        let common = again.len().min(from.len());
        assert!(again[..common] == from[..common]);
        assert!(!good || (again_good && again.len() == from.len()));
    }
});
