//! RECORD of a wheel: read, and written again with every listed file changed.
#![no_main]

use std::collections::BTreeMap;

use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::python::record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(path) = ImagePath::absolute("/site-packages/x-1.dist-info/RECORD") else { return };
    let listed = record::listed(&path, text);
    let fate = record::Fate::Content { digest: Digest::of(data), size: data.len() as u64 };
    let fates: BTreeMap<_, _> = listed.iter().map(|file| (file.clone(), fate)).collect();
    // What stray quotes mean to a reader of CSV is anybody's guess: then only that nothing breaks.
    if let Some(changed) = record::update(&path, text, &fates).filter(|_| !text.contains('"')) {
        assert_eq!(record::listed(&path, &changed), listed, "the same files are listed");
        assert!(record::update(&path, &changed, &fates).is_none(), "once is enough");
    }
});
