//! Ranges of Debian's docker-registry (distribution 2.8).

use std::time::Instant;

use imgforge::oci::Digest;
use imgforge::transport::Source;
use imgforge::transport::merge;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;
use imgforge::transport::traffic::Traffic;

use crate::ranges::far;
use crate::ranges::in_pieces;
use crate::ranges::read_range;
use crate::real::plain;
use crate::real::present;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::publish;
use crate::rig::reference;
use crate::rig::registry;

/// Bytes of which no two places look alike, faster made than noise.
fn numbered(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (number, word) in bytes.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    bytes
}

fn counted() -> (Registry, Traffic) {
    let traffic = Traffic::default();
    let insecure = vec!["0.0.0.0".to_owned()];
    (Registry::new(RegistryOptions { traffic: traffic.clone(), insecure, ..options() }).unwrap(), traffic)
}

#[test]
fn ranges_of_a_real_registry_are_what_was_asked_for() {
    if !present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = plain();
    let bytes = noise(300_000);
    publish(&registry(), &running.host, &[&bytes]).unwrap();
    let descriptor = layer(&bytes);
    let (registry, traffic) = counted();
    let source = registry.source(&reference(&running.host, "r:t"));
    read_range(&source, &descriptor, 0..1).unwrap();
    let met = traffic.received();
    let mut wanted = vec![0..1, 299_999..300_000, 0..300_000];
    wanted.extend((0..200u64).map(|number| number * 1499..number * 1499 + number * 7 + 1));
    for range in &wanted {
        let want = &bytes[range.start as usize..range.end as usize];
        assert!(read_range(&source, &descriptor, range.clone()).unwrap() == want, "{range:?}");
    }
    let bytes_wanted: u64 = wanted.iter().map(|range| range.end - range.start).sum();
    assert_eq!(traffic.received() - met, bytes_wanted, "a warm read costs its own bytes only");
    for read in merge::merge(&wanted[3..], 1000) {
        let part = read_range(&source, &descriptor, read.range.clone()).unwrap();
        for range in read.holds.iter().map(|&position| &wanted[3..][position]) {
            let inside = (range.start - read.range.start) as usize..(range.end - read.range.start) as usize;
            assert!(part[inside] == bytes[range.start as usize..range.end as usize], "{range:?} in {read:?}");
        }
    }
}

#[test]
fn a_large_range_of_a_real_registry_arrives_whole() {
    if !present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = plain();
    let bytes = numbered(60 << 20);
    publish(&registry(), &running.host, &[&bytes]).unwrap();
    let descriptor = layer(&bytes);
    let (registry, traffic) = counted();
    let source = registry.source(&reference(&far(&running.host), "r:t"));
    let read = read_range(&source, &descriptor, 0..descriptor.size).unwrap();
    assert_eq!(Digest::of(&read), descriptor.digest);
    assert!(traffic.received() < descriptor.size + 1000, "{}: each byte came once", traffic.received());
}

/// A measurement and no check: `cargo test --test registry -- --ignored --nocapture loopback`.
#[test]
#[ignore = "it prints figures"]
fn loopback_one_stream_beside_pieces() {
    if !present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = plain();
    let bytes = numbered(256 << 20);
    publish(&registry(), &running.host, &[&bytes]).unwrap();
    let descriptor = layer(&bytes);
    drop(bytes);
    for round in 0..5 {
        for (piece, pieces) in [(256 << 20, 0), (8 << 20, 6), (16 << 20, 3), (16 << 20, 1)] {
            let registry = in_pieces(piece, pieces);
            let source = registry.source(&reference(&far(&running.host), "r:t"));
            read_range(&source, &descriptor, 0..1).unwrap();
            let begun = Instant::now();
            let mut reader = source.open_range(&descriptor, 0..descriptor.size).unwrap();
            let read = std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
            let seconds = begun.elapsed().as_secs_f64();
            assert_eq!(read, descriptor.size);
            println!(
                "round {round}: {:>4} MiB x {pieces}: {:.0} MB/s",
                piece >> 20,
                read as f64 / seconds / 1e6
            );
        }
    }
}
