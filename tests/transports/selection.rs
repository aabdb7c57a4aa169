//! Which image a reference means.

use imgforge::oci::Digest;
use imgforge::transport::error::Error;
use imgforge::transport::layout::LayoutSource;
use serde_json::Value;
use serde_json::json;

use crate::rig::Bench;
use crate::rig::OCI_INDEX;
use crate::rig::OCI_MANIFEST;
use crate::rig::Sample;
use crate::rig::described;
use crate::rig::entry;
use crate::rig::index;
use crate::rig::layer_tar;
use crate::rig::sample;
use crate::rig::write_blob;
use crate::rig::write_layout;

fn two() -> (Sample, Sample) {
    let one = sample("amd64", &[layer_tar(&[("one", b"1")])]);
    (one, sample("amd64", &[layer_tar(&[("two", b"2")])]))
}

#[test]
fn a_tag_a_full_name_a_place_or_a_digest_says_which() {
    let (bench, (one, two)) = (Bench::new(), two());
    let root = bench.path("layout");
    let full = "registry.example/app:v2";
    write_layout(&root, &[&one, &two], &index(&[entry(&one, Some("v1")), entry(&two, Some(full))]));
    let by_digest = format!("@{}", Digest::of(&two.manifest));
    for (tag, want) in
        [("v1", &one), ("v2", &two), (full, &two), ("@0", &one), ("@1", &two), (&by_digest, &two)]
    {
        bench.assert_whole(&LayoutSource::new(&root, Some(tag)), want);
    }
    bench.assert_whole(&LayoutSource::named_or_only(&root, "v1"), &one);
    let error = bench.load(&LayoutSource::new(&root, Some("v9"))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`v9`") && text.contains("`v1`") && text.contains(full), "{text}");
    for source in [LayoutSource::new(&root, None), LayoutSource::named_or_only(&root, "v9")] {
        let error = bench.load(&source).unwrap_err();
        assert!(matches!(error, Error::Pick { wanted: None, .. }), "{error}");
    }
}

#[test]
fn the_only_image_needs_no_name_and_a_mirror_takes_it_for_any_tag() {
    let (bench, (one, _)) = (Bench::new(), two());
    let root = bench.path("layout");
    let unknown = json!({"mediaType": "application/x-unknown", "digest": "sha512:00", "size": 1});
    write_layout(&root, &[&one], &index(&[unknown, entry(&one, Some("v1"))]));
    bench.assert_whole(&LayoutSource::new(&root, None), &one);
    bench.assert_whole(&LayoutSource::named_or_only(&root, "2025.06"), &one);
    let nothing = LayoutSource::new(&bench.path("nowhere"), None);
    assert!(matches!(bench.load(&nothing), Err(Error::NotFound { .. })));
}

/// An index entry with a platform.
fn for_platform(sample: &Sample, architecture: &str) -> Value {
    let mut entry = described(OCI_MANIFEST, &sample.manifest);
    entry["platform"] = json!({"os": "linux", "architecture": architecture});
    entry
}

#[test]
fn an_index_resolves_by_platform_and_attestations_are_never_meant() {
    let bench = Bench::new();
    let amd = sample("amd64", &[layer_tar(&[("one", b"amd")])]);
    let arm = sample("arm64", &[layer_tar(&[("one", b"arm")])]);
    let mut attestation = for_platform(&arm, "unknown");
    attestation["platform"]["os"] = json!("unknown");
    let root = bench.path("layout");
    let nested = index(&[attestation.clone(), for_platform(&arm, "arm64"), for_platform(&amd, "amd64")]);
    let listed = described(OCI_INDEX, &nested);
    write_layout(&root, &[&amd, &arm], &index(&[listed]));
    write_blob(&root, &Digest::of(&nested), &nested);
    bench.assert_whole(&LayoutSource::new(&root, None), &amd);

    // The same without the nesting: several images of no name that differ by platform are one.
    let flat = bench.path("flat");
    write_layout(&flat, &[&amd, &arm], &index(&[for_platform(&arm, "arm64"), for_platform(&amd, "amd64")]));
    bench.assert_whole(&LayoutSource::new(&flat, None), &amd);

    // An entry without a platform is judged by its configuration.
    let silent = bench.path("silent");
    let nested = index(&[described(OCI_MANIFEST, &arm.manifest), described(OCI_MANIFEST, &amd.manifest)]);
    write_layout(&silent, &[&amd, &arm], &index(&[described(OCI_INDEX, &nested)]));
    write_blob(&silent, &Digest::of(&nested), &nested);
    bench.assert_whole(&LayoutSource::new(&silent, None), &amd);

    let foreign = bench.path("foreign");
    let nested = index(&[attestation, for_platform(&arm, "arm64")]);
    write_layout(&foreign, &[&arm], &index(&[described(OCI_INDEX, &nested)]));
    write_blob(&foreign, &Digest::of(&nested), &nested);
    match bench.load(&LayoutSource::new(&foreign, None)) {
        Err(Error::Platform { wanted, offered, .. }) => {
            assert_eq!((wanted.as_str(), offered.as_str()), ("linux/amd64", "linux/arm64"));
        }
        other => panic!("{other:?}"),
    }
    let sole = bench.layout("sole", &arm);
    assert!(matches!(bench.load(&sole), Err(Error::Platform { .. })));
}
