//! Operator schemas: found in data, parsed, compared with each other.
#![no_main]

use imgforge::torch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let found = torch::scan(data);
    let parsed: Vec<_> = found.iter().filter_map(|text| torch::parse(text).ok()).collect();
    let (old, new) = parsed.split_at(parsed.len() / 2);
    let _ = torch::compare(old, new);
    for schema in &parsed {
        let own = std::slice::from_ref(schema);
        assert!(torch::compare(own, own).is_empty(), "a schema differs from itself");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = torch::parse(text);
    }
});
