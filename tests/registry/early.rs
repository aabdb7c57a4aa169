//! A blob that goes up while it is made, as Docker's own push sends what it compresses on the way.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use imgforge::progress::Silent;
use imgforge::store::Store;
use imgforge::transport::Early;
use imgforge::transport::Fate;
use imgforge::transport::Outgoing;
use imgforge::transport::Receipt;
use imgforge::transport::Sink;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;
use imgforge::transport::registry::RegistrySink;

use crate::fake_registry::Answer;
use crate::fake_registry::Call;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::push::arrived;
use crate::push::shared;
use crate::real;
use crate::rig::Nothing;
use crate::rig::image;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::reference;
use crate::rig::registry;
use crate::rig::store;

const LENGTH: usize = 1_300_000;

fn early(sink: &RegistrySink, bytes: &[u8]) -> Box<dyn Early> {
    let mut early = sink.early(&Silent).expect("an upload");
    bytes.chunks(70_001).for_each(|piece| early.write_all(piece).unwrap());
    early
}

fn publish(sink: &RegistrySink, bytes: &[u8]) -> Result<Receipt, Error> {
    let image = image(&[bytes]);
    let (_directory, store): (_, Store) = store(&image, &[bytes]);
    let (origin, others) = (Nothing(None), BTreeMap::new());
    let outgoing = Outgoing { image: &image, store: &store, origin: &origin, base_layers: 0, others };
    sink.publish(&outgoing, &Silent)
}

/// Sends a layer early and publishes it.
fn sent(registry: &Registry, host: &str, bytes: &[u8]) -> Result<Receipt, Error> {
    let sink = registry.sink(&reference(host, "r:t"));
    let mut early = early(&sink, bytes);
    early.is(&layer(bytes));
    let receipt = publish(&sink, bytes);
    drop(early);
    receipt
}

fn bodies(fake: &Fake) -> Vec<(usize, bool)> {
    let patches = fake.seen("PATCH", "").into_iter().filter(|call| call.body.len() > 1000);
    patches.map(|call| (call.body.len(), call.header("transfer-encoding") == "chunked")).collect()
}

#[test]
fn a_layer_goes_up_once_and_is_named_at_the_end() {
    let bytes = noise(LENGTH);
    let (fake, memory) = shared(|_, _| None);
    let receipt = sent(&registry(), &fake.host, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
    assert_eq!(bodies(&fake), [(LENGTH, true)]);
    assert_eq!(receipt.blobs[0].1, Fate::Upload);
    assert!(receipt.bytes_sent() > LENGTH as u64);
    assert!(memory.lock().unwrap().uploads.is_empty());
}

/// A body that ends with the last whole piece has no empty chunk behind it, which would be its end (RFC 9112, 7.1).
#[test]
fn a_layer_of_whole_pieces_goes_up_too() {
    let bytes = noise(1 << 20);
    let (fake, memory) = shared(|_, _| None);
    sent(&registry(), &fake.host, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
    assert_eq!(bodies(&fake), [(1 << 20, true)]);
}

#[test]
fn a_real_registry_takes_it() {
    if !real::present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = real::plain();
    let bytes = noise(5 * LENGTH);
    let receipt = sent(&registry(), &running.host, &bytes).unwrap();
    assert_eq!(receipt.blobs[0].1, Fate::Upload);
    let source = registry().source(&reference(&running.host, "r:t"));
    assert!(crate::rig::read(&source, &layer(&bytes), 0).unwrap() == bytes);
    // Said of a blob that is none of what was sent, nothing is committed.
    let sink = registry().sink(&reference(&running.host, "r:t"));
    let mut early = early(&sink, &bytes[1..]);
    early.is(&layer(&bytes[2..]));
    publish(&sink, &bytes[2..]).unwrap();
    assert!(crate::rig::read(&source, &layer(&bytes[2..]), 0).unwrap() == bytes[2..]);
    assert!(crate::rig::read(&source, &layer(&bytes[1..]), 0).is_err());
}

/// Answers the first `PATCH` of a body without a length as `answer` says, and does all else right.
fn fails_once(answer: impl Fn(&Call, &mut Memory) -> Answer + Send + 'static) {
    let bytes = noise(LENGTH);
    let done = Mutex::new(false);
    let (fake, memory) = shared(move |call, memory| {
        let mut done = done.lock().unwrap();
        if call.header("transfer-encoding") != "chunked" || *done {
            return None;
        }
        *done = true;
        Some(answer(call, memory))
    });
    sent(&registry(), &fake.host, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
    assert_eq!(bodies(&fake).last(), Some(&(LENGTH, false)), "it goes up in the ordinary way");
}

/// nginx and Cloudflare want a length (411) or cap it (413); S3 behind a registry fails (500).
#[test]
fn what_is_refused_goes_up_in_the_ordinary_way() {
    for status in [411, 413, 500, 401] {
        fails_once(move |_, _| Answer::new(status));
    }
}

/// A registry that has kept less than what was sent, as it says itself.
#[test]
fn what_was_not_kept_whole_goes_up_in_the_ordinary_way() {
    fails_once(|call, memory| {
        let cut = Call { body: call.body[..LENGTH - 1].to_vec(), ..call.clone() };
        memory.answer(&cut)
    });
}

/// A connection that is cut in the middle, by a proxy that has seen enough.
#[test]
fn a_cut_connection_is_no_failure() {
    let bytes = noise(LENGTH);
    let memory = Arc::new(Mutex::new(Memory::default()));
    let inner = memory.clone();
    let appetite = |call: &Call| (call.header("transfer-encoding") == "chunked").then_some(400_000);
    let fake = Fake::start_with(Box::new(appetite), move |call| {
        if call.header("transfer-encoding") == "chunked" {
            return Answer { length: Some(1), cut: Some(0), ..Answer::new(100) };
        }
        inner.lock().unwrap().answer(call)
    });
    sent(&registry(), &fake.host, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
}

/// A registry that stops reading. The maker of the layer does not wait for it longer than the idle time.
#[test]
fn a_registry_that_takes_nothing_is_let_go() {
    let bytes = noise(8 * LENGTH);
    let memory = Arc::new(Mutex::new(Memory::default()));
    let inner = memory.clone();
    let appetite = |call: &Call| {
        let chunked = call.header("transfer-encoding") == "chunked";
        chunked.then(|| std::thread::sleep(Duration::from_secs(3)))?;
        Some(0)
    };
    let fake = Fake::start_with(Box::new(appetite), move |call| inner.lock().unwrap().answer(call));
    let hasty = RegistryOptions { idle: Duration::from_millis(400), ..options() };
    sent(&Registry::new(hasty).unwrap(), &fake.host, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
}

/// The registry has put it together wrongly, or lost it before it was named.
#[test]
fn what_cannot_be_named_goes_up_in_the_ordinary_way() {
    for status in [400, 404] {
        let bytes = noise(LENGTH);
        let done = Mutex::new(false);
        let (fake, memory) = shared(move |call, _| {
            let mut done = done.lock().unwrap();
            let first = call.is("PUT", "/uploads/") && !*done;
            *done |= first;
            first.then(|| Answer::new(status))
        });
        sent(&registry(), &fake.host, &bytes).unwrap();
        arrived(&memory, &[&bytes]);
    }
}

/// What is done with the rest of an image may take long: a body that waits would be ended by who is in between.
#[test]
fn the_body_ends_when_the_layer_does() {
    let bytes = noise(LENGTH);
    let (fake, memory) = shared(|_, _| None);
    let sink = registry().sink(&reference(&fake.host, "r:t"));
    let mut early = early(&sink, &bytes);
    early.is(&layer(&bytes));
    let begun = std::time::Instant::now();
    while bodies(&fake).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the body does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    publish(&sink, &bytes).unwrap();
    arrived(&memory, &[&bytes]);
}

#[test]
fn a_layer_that_comes_to_nothing_leaves_nothing() {
    let bytes = noise(LENGTH);
    let (fake, memory) = shared(|_, _| None);
    drop(early(&registry().sink(&reference(&fake.host, "r:t")), &bytes));
    // What was said but never published, too.
    let sink = registry().sink(&reference(&fake.host, "r:t"));
    let mut early = early(&sink, &bytes);
    early.is(&layer(&bytes));
    drop(early);
    assert_eq!(fake.seen("DELETE", "/uploads/").len(), 2);
    let memory = memory.lock().unwrap();
    assert!(memory.uploads.is_empty() && memory.blobs.is_empty());
}
