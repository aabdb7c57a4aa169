//! CUDA device code: the input is the content of `.nv_fatbin` in an otherwise sound ELF file.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

const NAMES: &[u8] = b"\0.nv_fatbin\0.shstrtab\0";

/// A file of a header, the section's bytes, the names and three section headers.
fn file(data: &[u8]) -> Vec<u8> {
    let (first, names) = (64, 64 + data.len());
    let table = (names + NAMES.len()).next_multiple_of(8);
    let mut out = vec![0; table + 3 * 64];
    out[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    out[20] = 1;
    out[0x28..0x30].copy_from_slice(&(table as u64).to_le_bytes());
    for (at, value) in [(0x34, 64_u16), (0x36, 56), (0x3a, 64), (0x3c, 3), (0x3e, 2)] {
        out[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    out[first..names].copy_from_slice(data);
    out[names..names + NAMES.len()].copy_from_slice(NAMES);
    let sections = [(1_u32, 1_u32, 2_u64, first, data.len()), (12, 3, 0, names, NAMES.len())];
    for (number, (name, kind, flags, offset, size)) in (1..).zip(sections) {
        let header = &mut out[table + number * 64..][..64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        header[8..16].copy_from_slice(&flags.to_le_bytes());
        header[0x18..0x20].copy_from_slice(&(offset as u64).to_le_bytes());
        header[0x20..0x28].copy_from_slice(&(size as u64).to_le_bytes());
    }
    out
}

fuzz_target!(|data: &[u8]| {
    imgforge_fuzz::bounded();
    let file = file(data);
    if let Ok(Some(study)) = imgforge::elf::study(&mut Cursor::new(&file), file.len() as u64) {
        let _ = study.traits.fatbins.codes();
    }
});
