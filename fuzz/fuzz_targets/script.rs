//! What one Python file says to others.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = imgforge::python::script(text);
    }
});
