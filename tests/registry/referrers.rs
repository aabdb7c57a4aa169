//! Lists of referrers, as distribution-spec 1.1 has them ("Listing Referrers", "Referrers Tag Schema"); distribution 2.8
//! has no such list, as tests/forge_real/soci.rs shows.

use imgforge::oci::Descriptor;
use imgforge::oci::Digest;
use imgforge::transport::Source;
use serde_json::Value;
use serde_json::json;

use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::rig::MANIFEST;
use crate::rig::chain;
use crate::rig::reference;
use crate::rig::registry;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const WANTED: &str = "application/vnd.amazon.soci.index.v1+json";

fn subject() -> Digest {
    Digest::of(b"subject")
}

/// A list of a signature and of what is wanted.
fn list() -> (Vec<u8>, Descriptor) {
    let one = |kind: &str, bytes: &[u8]| {
        let mut value = serde_json::to_value(Descriptor::of(MANIFEST, bytes)).unwrap();
        value["artifactType"] = json!(kind);
        value
    };
    let all: [Value; 3] = [
        one("application/vnd.dev.cosign.artifact.sig.v1+json", b"signature"),
        one(WANTED, b"wanted"),
        serde_json::to_value(Descriptor::of(MANIFEST, b"says nothing")).unwrap(),
    ];
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": all});
    (list.to_string().into_bytes(), Descriptor::of(MANIFEST, b"wanted"))
}

fn ask(fake: &Fake) -> Result<Vec<Descriptor>, String> {
    let source = registry().source(&reference(&fake.host, "r:1"));
    source.referrers(&subject(), WANTED).map_err(|error| chain(&error))
}

#[test]
fn a_registry_that_keeps_account_is_asked_once() {
    // A registry of specification 1.1 that does not filter, which it need not do.
    let fake = Fake::start(|call| match call.is("GET", "/referrers/") {
        true => Answer::new(200).with("Content-Type", INDEX).body(list().0),
        false => Memory::default().answer(call),
    });
    assert_eq!(ask(&fake).unwrap(), [list().1]);
    assert_eq!(fake.lines(), [format!("GET /v2/r/referrers/{}", subject())]);
    let asked = fake.seen("GET", "/referrers/");
    assert_eq!(asked[0].query, "artifactType=application%2Fvnd.amazon.soci.index.v1%2Bjson");
    // The same, of an image that nobody refers to: an empty list ends it.
    let none = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    let fake = Fake::start(move |call| match call.is("GET", "/referrers/") {
        true => Answer::new(200).with("Content-Type", INDEX).body(none.clone()),
        false => Memory::default().answer(call),
    });
    assert_eq!(ask(&fake).unwrap(), []);
    assert_eq!(fake.lines().len(), 1);
}

#[test]
fn a_tag_stands_in_where_there_is_no_list() {
    // As distribution 2.8 does it: 404 for what it does not know.
    let mut memory = Memory::default();
    let tag = subject().to_string().replace(':', "-");
    memory.put_manifest("r", &tag, INDEX, &list().0);
    let fake = Fake::start(move |call| memory.answer(call));
    assert_eq!(ask(&fake).unwrap(), [list().1]);
    let fake = Fake::start(|call| Memory::default().answer(call));
    assert_eq!(ask(&fake).unwrap(), []);
    let asked = [format!("GET /v2/r/referrers/{}", subject()), format!("GET /v2/r/manifests/{tag}")];
    assert_eq!(fake.lines(), asked);
}

#[test]
fn a_list_that_is_none_is_an_error() {
    for (body, padding) in [("[]", 0), ("{}", 0), ("", 9 << 20)] {
        let fake = Fake::start(move |call| match call.is("GET", "/referrers/") {
            true => Answer { padding, ..Answer::new(200).body(body) },
            false => Memory::default().answer(call),
        });
        ask(&fake).unwrap_err();
    }
}

#[test]
fn a_document_beside_the_image_has_its_digest() {
    let (bytes, _) = list();
    let (mut memory, digest) = (Memory::default(), Digest::of(&bytes));
    memory.put_manifest("r", "x", INDEX, &bytes);
    memory.manifests.insert(("r".to_owned(), subject().to_string()), (INDEX.to_owned(), bytes.clone()));
    let fake = Fake::start(move |call| memory.answer(call));
    let source = registry().source(&reference(&fake.host, "r:1"));
    assert_eq!(source.document(&digest).unwrap(), bytes);
    let error = chain(&source.document(&subject()).unwrap_err());
    assert!(error.contains(&subject().to_string()), "{error}");
    source.document(&Digest::of(b"nothing")).unwrap_err();
}
