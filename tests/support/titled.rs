//! ELF files with section headers, made by hand.

/// An ELF file with these sections, all in one segment.
pub(crate) fn file(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = vec![0_u8];
    let mut headers = vec![[0_u64; 8]];
    let mut bytes = vec![0_u8; 64 + 56];
    let all = sections.iter().copied().chain([(".shstrtab", &[][..])]);
    for (name, content) in all {
        let at = names.len() as u64;
        names.extend(name.bytes().chain([0]));
        let content = if name == ".shstrtab" { names.clone() } else { content.to_vec() };
        headers.push([at, 1, 2, 0, bytes.len() as u64, content.len() as u64, 0, 0]);
        bytes.extend(content);
    }
    let start = bytes.len() as u64;
    for [name, kind, flags, address, offset, size, ..] in &headers {
        bytes.extend((*name as u32).to_le_bytes());
        bytes.extend((*kind as u32).to_le_bytes());
        for word in [flags, address, offset, size, &0, &1, &0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.truncate(bytes.len() - 8);
        bytes.extend([0; 8]);
    }
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16..18].copy_from_slice(&3_u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&62_u16.to_le_bytes());
    bytes[20] = 1;
    bytes[32] = 64;
    bytes[40..48].copy_from_slice(&start.to_le_bytes());
    bytes[52] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    // PT_LOAD, readable, of everything before the section headers.
    for (at, word) in [(64, 1 | 4 << 32), (96, start), (104, start), (112, 4096)] {
        bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(word));
    }
    bytes[58] = 64;
    bytes[60] = headers.len() as u8;
    bytes[62] = headers.len() as u8 - 1;
    bytes
}
