//! `/etc/ld.so.cache` of an image.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    for machine in [3, 62, 183, 0] {
        let _ = imgforge::loader::cache::parse(data, machine, &["x86-64-v3", "x86-64-v2"]);
    }
});
