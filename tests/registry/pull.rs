//! Reading from registries.

use std::io::Read as _;
use std::time::Duration;
use std::time::Instant;

use imgforge::oci::Digest;
use imgforge::transport::Source;
use imgforge::transport::error::Error;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::rig::MANIFEST;
use crate::rig::layer;
use crate::rig::noise;
use crate::rig::read;
use crate::rig::reference;
use crate::rig::registry;

/// A registry with one blob in `r`.
pub(crate) fn with_blob(bytes: &[u8]) -> Memory {
    let mut memory = Memory::default();
    memory.put_blob("r", bytes);
    memory
}

#[test]
fn a_document_comes_with_its_media_type() {
    let mut memory = Memory::default();
    memory.put_manifest("r", "t", &format!("{MANIFEST}; charset=utf-8"), b"{}");
    let fake = Fake::start(move |call| memory.answer(call));
    let source = registry().source(&reference(&fake.host, "r:t"));
    assert_eq!(source.root().unwrap(), (b"{}".to_vec(), MANIFEST.to_owned()));
    assert!(fake.seen("GET", "/manifests/t")[0].header("accept").contains("manifest.list.v2"));
    assert_eq!(source.mount_point(), Some((fake.host.clone(), "r".to_owned())));
    let gone = registry().source(&reference(&fake.host, "r:gone")).root().unwrap_err();
    assert!(matches!(&gone, Error::NotFound { what, .. } if what.ends_with("r:gone")), "{gone:?}");
}

/// GHSA-qv35-3gw6-8q4j (regclient): the header was believed, the pin was not compared.
#[test]
fn t22_neither_header_nor_body_is_believed() {
    let pin = Digest::of(b"{}");
    for (body, header, pinned, good) in [
        ("{}", Some(pin), true, true),
        ("{}", None, true, true),
        ("{} ", Some(pin), true, false),
        ("{} ", None, true, false),
        ("{} ", Some(Digest::of(b"{} ")), true, false),
        ("{} ", Some(pin), false, false),
        ("{} ", None, false, true),
    ] {
        let fake = Fake::start(move |_| {
            let answer = Answer::new(200).with("Content-Type", MANIFEST).body(body);
            match header {
                Some(digest) => answer.with("Docker-Content-Digest", digest.to_string()),
                None => answer,
            }
        });
        let name = if pinned { format!("r:t@{pin}") } else { "r:t".to_owned() };
        let result = registry().source(&reference(&fake.host, &name)).root();
        match result {
            Ok(_) => assert!(good, "{body:?} {header:?} {pinned}"),
            Err(Error::Broken { problem, .. }) => {
                assert!(!good && problem.contains("instead of"), "{problem}")
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// ggcr #1044, harbor #22555 (a proxy cache handed out shortened blobs): one byte less, one more, said or not.
#[test]
fn t23_a_blob_of_another_size_is_refused() {
    let bytes = noise(1000);
    let descriptor = layer(&bytes);
    for (name, served, no_length) in [
        ("shorter", &bytes[..999], false),
        ("shorter, unsaid", &bytes[..999], true),
        ("longer", &[&bytes[..], b"x"].concat()[..], false),
        ("longer, unsaid", &[&bytes[..], b"x"].concat()[..], true),
    ] {
        let mut memory = Memory::default();
        let key = ("r".to_owned(), descriptor.digest.to_string());
        memory.blobs.insert(key, served.to_vec());
        let fake = Fake::start(move |call| Answer {
            no_length: no_length && call.header("range").is_empty(),
            ..memory.answer(call)
        });
        let error = read(&registry().source(&reference(&fake.host, "r")), &descriptor, 0).unwrap_err();
        assert!(error.contains("sent something else than it promised"), "{name}: {error}");
        if name == "longer, unsaid" {
            assert!(error.contains("more than the 1000 bytes"), "noticed too late: {error}");
        }
    }
}

/// ggcr #1711, apko #2042: a registry could fill the memory.
#[test]
fn t25_large_documents_and_error_texts_are_not_taken_in() {
    const HUGE: usize = 100 << 20;
    for no_length in [false, true] {
        let fake = Fake::start(move |call| Answer {
            padding: if call.path == "/v2/" { 0 } else { HUGE },
            no_length,
            ..Answer::new(200)
        });
        let begun = Instant::now();
        let error = registry().source(&reference(&fake.host, "r:t")).root().unwrap_err();
        assert!(error.to_string().contains("more than 8388608 bytes"), "{error}");
        let fake = Fake::start(move |call| Answer {
            padding: if call.path == "/v2/" { 0 } else { HUGE },
            no_length,
            ..Answer::new(400)
        });
        let error = registry().source(&reference(&fake.host, "r:t")).root().unwrap_err();
        assert!(
            matches!(&error, Error::Refused { status: 400, message, .. } if message.contains("1 MiB")),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

/// RFC 9110 §10.2.3; ggcr #424, #2301: rate limits on any request, in both forms.
#[test]
fn t32_too_many_requests_are_made_again_when_the_server_says() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    for form in ["1", "Wed, 21 Oct 2015 07:28:01 GMT"] {
        let bytes = noise(10);
        let descriptor = layer(&bytes);
        let mut memory = with_blob(&bytes);
        memory.put_manifest("r", "t", MANIFEST, b"{}");
        let mut refused = Vec::new();
        let fake = Fake::start(move |call| {
            if call.path != "/v2/" && !refused.contains(&call.path) {
                refused.push(call.path.clone());
                return Answer::new(429).with("Retry-After", form).with("Date", date);
            }
            memory.answer(call)
        });
        let source = registry().source(&reference(&fake.host, "r:t"));
        let begun = Instant::now();
        source.root().unwrap();
        assert_eq!(read(&source, &descriptor, 0).unwrap(), bytes);
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(2), "{form}: {waited:?}: the wait was not honoured twice");
    }
}

/// ggcr #2264: the last answer was lost in `giving up`.
#[test]
fn t33_the_last_error_says_what_the_registry_said() {
    let fake = Fake::start(|call| {
        let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}"#;
        Answer::new(if call.path == "/v2/" { 200 } else { 429 }).body(body)
    });
    let error = registry().source(&reference(&fake.host, "r:t")).root().unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` answered 429: TOOMANYREQUESTS: pull rate limit", fake.host));
    assert_eq!(fake.lines().len(), 4, "one request and three retries");
}

/// ggcr #1061: registries that say no length. The descriptor says it.
#[test]
fn t39_a_blob_without_a_length_is_read() {
    let bytes = noise(100_000);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| Answer { no_length: true, ..memory.answer(call) });
    let source = registry().source(&reference(&fake.host, "r"));
    assert_eq!(read(&source, &layer(&bytes), 0).unwrap(), bytes);
}

/// A reader that is dropped half-way stops its transfer, and the registry can go away meanwhile.
#[test]
fn a_reader_outlives_its_registry_and_stops_when_dropped() {
    let bytes = noise(3 << 20);
    let mut memory = with_blob(&bytes);
    let fake = Fake::start(move |call| memory.answer(call));
    let source = registry().source(&reference(&fake.host, "r"));
    let mut reader = source.open(&layer(&bytes), 0).unwrap();
    let kept = source.open(&layer(&bytes), 0).unwrap();
    drop(source);
    let mut start = [0; 100];
    reader.read_exact(&mut start).unwrap();
    assert_eq!(start, bytes[..100]);
    drop(reader);
    drop(kept);
}
