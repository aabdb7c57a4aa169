//! Blobs on their way up, and everything that happens to them there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

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
use crate::push::arrived;
use crate::push::shared;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::publish;
use crate::rig::registry;

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
        Some(Answer { status: 201, ..memory.answer(call) })
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
        Some(Answer { status: 201, ..memory.answer(call) })
    });
    let registry = Registry::new(RegistryOptions { chunk: 400_000, ..options() });
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
    let registry = Registry::new(RegistryOptions { chunk: 400_000, ..options() });
    publish(&registry.unwrap(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    let ranges =
        fake.seen("PATCH", "").iter().map(|call| call.header("content-range").to_owned()).collect::<Vec<_>>();
    for range in ["0-249999", "250000-499999", "500000-749999", "750000-899999"] {
        assert!(ranges.contains(&range.to_owned()), "{range} is not in {ranges:?}");
    }
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
            return Answer { length: Some(1), cut: Some(0), ..Answer::new(100) };
        }
        answer
    });
    publish(&registry(), &fake.host, &[&bytes]).unwrap();
    arrived(&memory, &[&bytes]);
    let patches = fake.seen("PATCH", "").into_iter().filter(|call| call.header("content-length").len() > 5);
    let ranges = patches.map(|call| call.header("content-range").to_owned()).collect::<Vec<_>>();
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
