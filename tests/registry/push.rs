//! Writing to registries.

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
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::auth::Tokens;
use crate::auth::given;
use crate::auth::registry_with;
use crate::fake_registry::Answer;
use crate::fake_registry::Call;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::rig::Nothing;
use crate::rig::image;
use crate::rig::image_of;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::publish;
use crate::rig::reference;
use crate::rig::registry;
use crate::rig::store;

/// A fake over a memory that the test can look into afterwards.
fn shared(
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

fn has(memory: &Mutex<Memory>, repository: &str, bytes: &[u8]) -> bool {
    let key = (repository.to_owned(), Digest::of(bytes).to_string());
    memory
        .lock()
        .unwrap()
        .blobs
        .get(&key)
        .is_some_and(|held| held == bytes)
}

/// Every blob and the manifest arrived whole.
fn arrived(memory: &Mutex<Memory>, layers: &[&[u8]]) {
    for bytes in layers {
        assert!(
            has(memory, "r", bytes),
            "a layer of {} bytes is not there",
            bytes.len()
        );
    }
    let image = image(layers);
    assert!(has(memory, "r", image.config.bytes()));
    let memory = memory.lock().unwrap();
    let (media_type, bytes) = &memory.manifests[&("r".to_owned(), "t".to_owned())];
    assert_eq!(bytes, &image.manifest.bytes, "the manifest's bytes are its name");
    assert_eq!(media_type, &image.manifest.media_type);
}

fn fates(receipt: &Receipt) -> Vec<Fate> {
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
    assert!(
        memory.manifests.is_empty() && memory.uploads.is_empty(),
        "something stayed behind"
    );
}

/// containers-roadmap #2831: ECR says 201 to the first PATCH and silently drops all later ones.
#[test]
fn t29_a_201_to_a_patch_ends_the_upload() {
    let bytes = noise(900_000);
    let ended = Mutex::new(BTreeSet::new());
    let (fake, memory) = shared(move |call, memory| {
        if call.method != "PATCH" {
            return None;
        }
        let mut ended = ended.lock().unwrap();
        if !ended.insert(call.path.clone()) {
            return Some(Answer::new(201));
        }
        Some(Answer {
            status: 201,
            ..memory.answer(call)
        })
    });
    publish(&registry(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    for patch in fake.seen("PATCH", "") {
        assert_eq!(patch.header("content-range"), "", "one piece is no chunk");
    }
}

/// The same, behind a proxy that once refused the whole: chunks are tried, seen not to work, and never tried again.
#[test]
fn t29_chunks_are_given_up_where_the_first_ends_the_upload() {
    let bytes = noise(900_000);
    let wholes = Mutex::new(0);
    let (fake, memory) = shared(move |call, memory| {
        let length: usize = call.header("content-length").parse().unwrap_or(0);
        if call.method != "PATCH" {
            return None;
        }
        if length == 900_000 {
            let mut wholes = wholes.lock().unwrap();
            *wholes += 1;
            if *wholes == 1 {
                return Some(Answer::new(413));
            }
        }
        Some(Answer {
            status: 201,
            ..memory.answer(call)
        })
    });
    let registry = Registry::new(RegistryOptions {
        chunk: 400_000,
        ..options()
    });
    publish(&registry.unwrap(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
}

/// GHCR, Cloudflare and nginx cap what one request may carry; the registry names the least of a chunk.
#[test]
fn t30_after_413_it_goes_in_chunks_of_the_least_size_asked_for() {
    let bytes = noise(900_000);
    let (fake, memory) = shared(|call, memory| {
        let length: usize = call.header("content-length").parse().unwrap_or(0);
        if call.is("POST", "/uploads/") {
            return Some(memory.answer(call).with("OCI-Chunk-Min-Length", "250000"));
        }
        (call.method == "PATCH" && length > 300_000).then(|| Answer::new(413))
    });
    let registry = Registry::new(RegistryOptions {
        chunk: 400_000,
        ..options()
    });
    publish(&registry.unwrap(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    let ranges = fake
        .seen("PATCH", "")
        .iter()
        .map(|call| call.header("content-range").to_owned())
        .collect::<Vec<_>>();
    for range in ["0-249999", "250000-499999", "500000-749999", "750000-899999"] {
        assert!(ranges.contains(&range.to_owned()), "{range} is not in {ranges:?}");
    }
}

/// ggcr #1404, oras #1903, ECR Public #1459: mounting is refused in every way there is.
#[test]
fn t31_whatever_a_mount_is_answered_the_blob_arrives() {
    let (base, own) = (noise(5000), noise(10));
    for status in [201, 202, 400, 401, 403, 404, 405] {
        let (fake, memory) = shared(move |call, memory| {
            if !call.query.contains("mount=") || status == 201 {
                return None;
            }
            assert!(call.query.contains("from=base%2Fimage"), "{}", call.query);
            Some(match status {
                202 => memory.open_upload("r"),
                _ => Answer::new(status).body(r#"{"errors":[{"code":"DENIED","message":"no"}]}"#),
            })
        });
        memory.lock().unwrap().put_blob("base/image", &base);
        let image = image(&[&base, &own]);
        let (_directory, store) = store(&image, &[&base, &own]);
        let outgoing = Outgoing {
            image: &image,
            store: &store,
            origin: &Nothing(Some((fake.host.clone(), "base/image".to_owned()))),
            base_layers: 1,
        };
        let sink = registry().sink(&reference(&fake.host, "r:t"));
        let planned = sink.plan(&outgoing).unwrap();
        assert_eq!(
            planned.iter().map(|(_, fate)| *fate).collect::<Vec<_>>(),
            [Fate::Mount, Fate::Upload, Fate::Upload]
        );
        assert!(memory.lock().unwrap().uploads.is_empty(), "a plan opens nothing");
        let receipt = sink.publish(&outgoing, &Silent).unwrap();
        arrived(&memory, &[&base, &own]);
        let first = if status == 201 { Fate::Mount } else { Fate::Upload };
        assert_eq!(fates(&receipt), [first, Fate::Upload, Fate::Upload], "{status}");
        assert!(
            memory.lock().unwrap().uploads.is_empty(),
            "{status}: a stray upload"
        );
        let opened = fake.seen("POST", "/uploads/").len();
        assert_eq!(
            opened,
            if status <= 202 { 3 } else { 4 },
            "{status}: an opened session is used"
        );
    }
}

/// rust-oci-client #235: Docker Hub wants both repositories in one token.
#[test]
fn t31_a_mount_asks_for_both_scopes_in_one_token() {
    let base = noise(100);
    let tokens = Tokens::default();
    let (fake, memory) = shared(move |call, _| tokens.gate(call));
    memory.lock().unwrap().put_blob("base/image", &base);
    let image = image(&[&base]);
    let (_directory, store) = store(&image, &[&base]);
    let outgoing = Outgoing {
        image: &image,
        store: &store,
        origin: &Nothing(Some((fake.host.clone(), "base/image".to_owned()))),
        base_layers: 1,
    };
    let sink = registry_with(given("a", "b")).sink(&reference(&fake.host, "r:t"));
    assert_eq!(fates(&sink.publish(&outgoing, &Silent).unwrap())[0], Fate::Mount);
    let both = "scope=repository%3Ar%3Apull%2Cpush&scope=repository%3Abase%2Fimage%3Apull";
    let asked = fake.seen("GET", "/token");
    assert!(asked.iter().any(|call| call.query.ends_with(both)), "{asked:?}");
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

/// distribution 2.8: a PATCH that is cut leaves what came, and appends whatever comes next. The registry is asked.
#[test]
fn t36_a_cut_upload_goes_on_where_the_registry_is() {
    let bytes = noise(2_000_000);
    let memory = Arc::new(Mutex::new(Memory::default()));
    let inner = memory.clone();
    let cut = Mutex::new(2);
    let appetite = move |call: &Call| {
        let mut left = cut.lock().unwrap();
        let big = call.method == "PATCH" && call.header("content-length").len() > 6;
        (big && *left > 0).then(|| {
            *left -= 1;
            500_000
        })
    };
    let fake = Fake::start_with(Box::new(appetite), move |call| {
        let answer = inner.lock().unwrap().answer(call);
        let whole = call.header("content-length").parse() == Ok(call.body.len());
        // Cut: the bytes are kept, the answer is lost.
        if call.method == "PATCH" && !whole {
            return Answer {
                length: Some(1),
                cut: Some(0),
                ..Answer::new(100)
            };
        }
        answer
    });
    publish(&registry(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    let patches = fake
        .seen("PATCH", "")
        .into_iter()
        .filter(|call| call.header("content-length").len() > 5);
    let ranges = patches
        .map(|call| call.header("content-range").to_owned())
        .collect::<Vec<_>>();
    assert_eq!(ranges, ["", "500000-1999999", "1000000-1999999"]);
}

/// chalk #682: a registry that takes pieces and never has more. It must end.
#[test]
fn t33_an_upload_that_does_not_advance_ends() {
    let bytes = noise(500_000);
    let (fake, _memory) = shared(|call, _| {
        let stuck = call.method == "PATCH" || call.is("GET", "/uploads/");
        stuck.then(|| Answer::new(202).with("Range", "0-99"))
    });
    let error = publish(&registry(), &fake.host, &[&bytes]).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(fake.seen("PATCH", "").len() < 20);
}

/// ggcr #2396: a token that runs out between two requests of a long push, at each of them in turn.
#[test]
fn t36_a_token_may_expire_at_any_request() {
    let bytes = noise(600_000);
    for (method, part) in [
        ("HEAD", "/blobs/"),
        ("POST", "/uploads/"),
        ("PATCH", ""),
        ("PUT", "/uploads/"),
        ("PUT", "/manifests/"),
    ] {
        let tokens = Tokens::default();
        let (gate, done) = (tokens.clone(), Mutex::new(false));
        let (fake, memory) = shared(move |call, _| {
            let mut done = done.lock().unwrap();
            if !*done && call.is(method, part) && !call.header("authorization").is_empty() {
                *done = true;
                gate.expire();
            }
            gate.gate(call)
        });
        let registry = registry_with(given("alice", "s3cret"));
        publish(&registry, &fake.host, &[&bytes])
            .unwrap_or_else(|error| panic!("{method} {part}: {error:?}"));
        arrived(&memory, &[&bytes]);
        assert!(tokens.count() >= 2, "{method} {part}: no new token was needed");
    }
}

/// GCR and Docker Hub hand uploads to another host: the token stays at home.
#[test]
fn t36_an_upload_elsewhere_does_not_see_the_token() {
    let bytes = noise(1000);
    let (storage, memory) = shared(|_, _| None);
    let tokens = Tokens::default();
    let elsewhere = storage.host.clone();
    let inner = memory.clone();
    let fake = Fake::start(move |call| {
        if let Some(refusal) = tokens.gate(call) {
            return refusal;
        }
        let mut answer = inner.lock().unwrap().answer(call);
        for (name, value) in &mut answer.headers {
            if name == "Location" {
                *value = format!("http://{elsewhere}{value}");
            }
        }
        answer
    });
    publish(&registry_with(given("a", "b")), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    let calls = storage.calls.lock().unwrap();
    assert!(calls.len() >= 4, "two blobs were sent there");
    assert!(calls.iter().all(|call| call.header("authorization").is_empty()));
}

/// oras-py #150: the upload's address is the registry's; a query that it has already must survive.
#[test]
fn t38_the_digest_is_added_to_the_query_that_is_there() {
    let bytes = noise(1000);
    let (fake, memory) = shared(|_, _| None);
    publish(&registry(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    for put in fake.seen("PUT", "/uploads/") {
        assert!(
            put.query.starts_with("_state=s") && put.query.contains("&digest=sha256%3A"),
            "{}",
            put.query
        );
    }
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
                (200, "bare") => Answer {
                    no_length: true,
                    ..Answer::new(200)
                },
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
        Ok(Box::new(std::io::Cursor::new(
            self.bytes[offset as usize..].to_vec(),
        )))
    }
}

fn pipe(host: &str, image: &Image, bytes: Vec<u8>) -> Result<Receipt, Error> {
    let (_directory, store) = store(image, &[]);
    let origin = Piped {
        bytes,
        opened: Mutex::default(),
    };
    let outgoing = Outgoing {
        image,
        store: &store,
        origin: &origin,
        base_layers: 1,
    };
    registry()
        .sink(&reference(host, "r:t"))
        .publish(&outgoing, &Silent)
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
    };
    let error = registry()
        .sink(&reference(&fake.host, "r:t"))
        .publish(&outgoing, &Silent)
        .unwrap_err();
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
    };
    let receipt = registry()
        .sink(&reference(&fake.host, "r:t"))
        .publish(&outgoing, &Silent)
        .unwrap();
    assert_eq!(fates(&receipt), [Fate::Present, Fate::Upload, Fate::Upload]);
    assert!(
        fake.lines()
            .iter()
            .all(|line| !line.contains(&foreign.digest.hex()))
    );
}
