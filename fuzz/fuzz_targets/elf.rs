//! Everything that is read of one ELF file: headers, tables, class layouts, device code, strings.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let _ = imgforge::elf::study(&mut Cursor::new(data), data.len() as u64);
    // The size that an archive claims need not be the size that is there.
    let _ = imgforge::elf::study(&mut Cursor::new(data), data.len() as u64 * 2 + 64);
});
