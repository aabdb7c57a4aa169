//! Blobs that another repository of the same registry has.

use std::collections::BTreeMap;

use imgforge::progress::Silent;
use imgforge::transport::Fate;
use imgforge::transport::Outgoing;
use imgforge::transport::Sink;

use crate::auth::Tokens;
use crate::auth::given;
use crate::auth::registry_with;
use crate::fake_registry::Answer;
use crate::push::arrived;
use crate::push::fates;
use crate::push::shared;
use crate::rig::Nothing;
use crate::rig::image;
use crate::rig::noise;
use crate::rig::reference;
use crate::rig::registry;
use crate::rig::store;

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
            others: BTreeMap::new(),
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
        assert!(memory.lock().unwrap().uploads.is_empty(), "{status}: a stray upload");
        let opened = fake.seen("POST", "/uploads/").len();
        assert_eq!(opened, if status <= 202 { 3 } else { 4 }, "{status}: an opened session is used");
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
        others: BTreeMap::new(),
    };
    let sink = registry_with(given("a", "b")).sink(&reference(&fake.host, "r:t"));
    assert_eq!(fates(&sink.publish(&outgoing, &Silent).unwrap())[0], Fate::Mount);
    let both = "scope=repository%3Ar%3Apull%2Cpush&scope=repository%3Abase%2Fimage%3Apull";
    let asked = fake.seen("GET", "/token");
    assert!(asked.iter().any(|call| call.query.ends_with(both)), "{asked:?}");
}
