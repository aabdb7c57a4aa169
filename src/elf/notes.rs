//! ELF notes: only the GNU build-id is wanted.

use super::source::Fields;

/// The build-id in the bytes of one `PT_NOTE`, lower-case hexadecimal.
pub(super) fn build_id(notes: Fields<'_>, align: u64) -> Option<String> {
    let pad = if align == 8 { 8 } else { 4 };
    let mut at = 0_usize;
    while at + 12 <= notes.bytes.len() {
        let (name, length) = (notes.int(at) as usize, notes.int(at + 4) as usize);
        let content = (at + 12).checked_add(name)?.checked_next_multiple_of(pad)?;
        let end = content.checked_add(length)?;
        let bytes = notes.bytes.get(content..end)?;
        if notes.int(at + 8) == 3 && notes.bytes.get(at + 12..at + 12 + name) == Some(b"GNU\0") {
            return (length <= 64).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        at = end.checked_next_multiple_of(pad)?;
    }
    None
}
