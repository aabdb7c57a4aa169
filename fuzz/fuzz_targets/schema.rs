//! Operator schemas: found in data, parsed, compared with each other.
#![no_main]

use imgforge::torch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let found = torch::scan(data);
    let parsed: Vec<_> = found.iter().filter_map(|text| torch::parse(text).ok()).collect();
    for (old, new) in parsed.iter().zip(parsed.iter().skip(1)).take(8) {
        let _ = torch::compare(old, new);
        assert!(torch::compare(old, old).is_empty(), "a schema differs from itself");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = torch::parse(text);
    }
});
