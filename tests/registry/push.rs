//! Writing to registries.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;

use imgforge::oci::Descriptor;
use imgforge::oci::Digest;
use imgforge::oci::Image;
use imgforge::progress::Silent;
use imgforge::transport::Fate;
use imgforge::transport::Outgoing;
use imgforge::transport::Receipt;
use imgforge::transport::Sink;
use imgforge::transport::Source;
use imgforge::transport::error::Error;

use crate::fake_registry::Answer;
use crate::fake_registry::Call;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::rig::Nothing;
use crate::rig::image;
use crate::rig::image_of;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::publish;
use crate::rig::reference;
use crate::rig::registry;
use crate::rig::store;

/// A fake over a memory that the test can look into afterwards.
pub(crate) fn shared(
    misbehave: impl Fn(&Call, &mut Memory) -> Option<Answer> + Send + 'static,
) -> (Fake, Arc<Mutex<Memory>>) {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let inner = memory.clone();
    let fake = Fake::start(move |call| {
        let mut memory = inner.lock().unwrap();
        misbehave(call, &mut memory).unwrap_or_else(|| memory.answer(call))
    });
    (fake, memory)
}

pub(crate) fn has(memory: &Mutex<Memory>, repository: &str, bytes: &[u8]) -> bool {
    let key = (repository.to_owned(), Digest::of(bytes).to_string());
    memory.lock().unwrap().blobs.get(&key).is_some_and(|held| held == bytes)
}

/// Every blob and the manifest arrived whole.
pub(crate) fn arrived(memory: &Mutex<Memory>, layers: &[&[u8]]) {
    for bytes in layers {
        assert!(has(memory, "r", bytes), "a layer of {} bytes is not there", bytes.len());
    }
    let image = image(layers);
    assert!(has(memory, "r", image.config.bytes()));
    let memory = memory.lock().unwrap();
    let (media_type, bytes) = &memory.manifests[&("r".to_owned(), "t".to_owned())];
    assert_eq!(bytes, &image.manifest.bytes, "the manifest's bytes are its name");
    assert_eq!(media_type, &image.manifest.media_type);
}

pub(crate) fn fates(receipt: &Receipt) -> Vec<Fate> {
    receipt.blobs.iter().map(|(_, fate)| *fate).collect()
}

#[test]
fn the_name_comes_last_and_each_blob_once() {
    let (one, two) = (noise(700_000), noise(10));
    let (fake, memory) = shared(|_, _| None);
    let layers = [&one[..], &two, &one, b""];
    let receipt = publish(&registry(), &fake.host, &layers).unwrap();
    arrived(&memory, &layers);
    assert_eq!(receipt.digest, image(&layers).manifest.digest());
    assert_eq!(fates(&receipt), [Fate::Upload; 5]);
    assert_eq!(fake.seen("POST", "/uploads/").len(), 4, "four different blobs");
    assert_eq!(fake.lines().last().unwrap(), "PUT /v2/r/manifests/t");
    assert!(memory.lock().unwrap().uploads.is_empty());
    let before = fake.lines().len();
    let receipt = publish(&registry(), &fake.host, &layers).unwrap();
    assert_eq!(fates(&receipt), [Fate::Present; 5]);
    assert_eq!(fake.lines().len() - before, 5, "four questions and the manifest");
}

/// distribution-spec: what is in `mediaType` is what `Content-Type` says; a failure leaves no name behind.
#[test]
fn a_failure_leaves_no_name_and_no_upload() {
    let bytes = noise(100);
    let (fake, memory) = shared(|call, _| call.is("PATCH", "").then(|| Answer::new(400).body("no room")));
    let error = publish(&registry(), &fake.host, &[&bytes]).unwrap_err();
    assert!(
        matches!(&error, Error::Refused { status: 400, message, .. } if message == "no room"),
        "{error:?}"
    );
    let memory = memory.lock().unwrap();
    assert!(memory.manifests.is_empty() && memory.uploads.is_empty(), "something stayed behind");
}

/// container-libs #42: rate limits on writes, the manifest's too.
#[test]
fn t32_writes_are_limited_as_well() {
    let bytes = noise(300_000);
    let refused = Mutex::new(BTreeSet::new());
    let (fake, memory) = shared(move |call, _| {
        let first = call.path != "/v2/" && refused.lock().unwrap().insert(call.method.clone());
        first.then(|| Answer::new(429).with("Retry-After", "0"))
    });
    publish(&registry(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    assert!(fake.seen("PUT", "/manifests/").len() + fake.seen("PUT", "/uploads/").len() >= 4);
}

/// ggcr #1061, regclient 2024-08-08: HEAD without length or digest, with the wrong length, or not at all.
#[test]
fn t39_a_blob_is_found_whatever_head_says() {
    let bytes = noise(1000);
    for (name, present) in [("bare", true), ("zero", true), ("405", true), ("other", false)] {
        let (fake, memory) = shared(move |call, memory| {
            if call.method != "HEAD" {
                return None;
            }
            Some(match (memory.answer(call).status, name) {
                (200, "bare") => Answer { no_length: true, ..Answer::new(200) },
                (200, "zero") => Answer::new(200),
                (200, "other") => {
                    Answer::new(200).with("Docker-Content-Digest", Digest::of(b"other").to_string())
                }
                (_, "405") => Answer::new(405),
                (status, _) => Answer::new(status),
            })
        });
        memory.lock().unwrap().put_blob("r", &bytes);
        let receipt = publish(&registry(), &fake.host, &[&bytes]).unwrap();
        assert_eq!(fates(&receipt)[0] == Fate::Present, present, "{name}");
        arrived(&memory, &[&bytes]);
    }
}

/// A base that lives elsewhere is piped through; what it breaks is not committed.
struct Piped {
    bytes: Vec<u8>,
    opened: Mutex<Vec<u64>>,
}

impl Source for Piped {
    fn name(&self) -> String {
        "piped".to_owned()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        panic!("nobody asks")
    }

    fn open(&self, _descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        self.opened.lock().unwrap().push(offset);
        Ok(Box::new(std::io::Cursor::new(self.bytes[offset as usize..].to_vec())))
    }
}

fn pipe(host: &str, image: &Image, bytes: Vec<u8>) -> Result<Receipt, Error> {
    let (_directory, store) = store(image, &[]);
    let origin = Piped { bytes, opened: Mutex::default() };
    let outgoing =
        Outgoing { image, store: &store, origin: &origin, base_layers: 1, others: BTreeMap::new() };
    registry().sink(&reference(host, "r:t")).publish(&outgoing, &Silent)
}

#[test]
fn t22_a_base_that_is_piped_through_is_hashed_on_the_way() {
    let bytes = noise(700_000);
    let image = image(&[&bytes]);
    let (fake, memory) = shared(|_, _| None);
    pipe(&fake.host, &image, bytes.clone()).unwrap();
    arrived(&memory, &[&bytes]);
    for damage in [&bytes[1..], &[b"x", &bytes[1..]].concat()] {
        let (fake, memory) = shared(|_, _| None);
        pipe(&fake.host, &image, damage.to_vec()).unwrap_err();
        let memory = memory.lock().unwrap();
        assert!(memory.uploads.is_empty() && memory.manifests.is_empty());
        assert!(memory.blobs.len() <= 1, "only the configuration may be there");
    }
}

/// T28: bytes that went bad in the store are not pushed, and are gone for the next run.
#[test]
fn t28_a_damaged_blob_of_the_store_is_not_pushed() {
    let bytes = noise(1000);
    let image = image(&[&bytes]);
    let (_directory, store) = store(&image, &[&bytes]);
    let descriptor = layer(&bytes);
    std::fs::write(store.blob_path(&descriptor.digest), vec![0; 1000]).unwrap();
    let (fake, memory) = shared(|_, _| None);
    let outgoing = Outgoing {
        image: &image,
        store: &store,
        origin: &Nothing(None),
        base_layers: 0,
        others: BTreeMap::new(),
    };
    let error = registry().sink(&reference(&fake.host, "r:t")).publish(&outgoing, &Silent).unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    assert!(!store.contains(&descriptor.digest, 1000));
    assert!(memory.lock().unwrap().manifests.is_empty());
}

/// image-spec layer.md: non-distributable layers are named, never sent.
#[test]
fn foreign_layers_are_never_sent() {
    let own = noise(10);
    let mut foreign = layer(b"not ours to give");
    foreign.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned();
    let image = image_of(&[foreign.clone(), layer(&own)]);
    let (_directory, store) = store(&image, &[&own, b"not ours to give"]);
    let (fake, _memory) = shared(|_, _| None);
    let outgoing = Outgoing {
        image: &image,
        store: &store,
        origin: &Nothing(None),
        base_layers: 1,
        others: BTreeMap::new(),
    };
    let receipt = registry().sink(&reference(&fake.host, "r:t")).publish(&outgoing, &Silent).unwrap();
    assert_eq!(fates(&receipt), [Fate::Present, Fate::Upload, Fate::Upload]);
    assert!(fake.lines().iter().all(|line| !line.contains(&foreign.digest.hex())));
}
