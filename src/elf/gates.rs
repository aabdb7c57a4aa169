//! What in a file's headers decides whether ld.so takes it at all (glibc `elf/dl-load.c`, `open_verify` and
//! `_dl_map_object_from_fd`).

use goblin::elf::Header;
use goblin::elf::ProgramHeader;
use goblin::elf::program_header as kind;

use super::Facts;
use super::source::Fields;

/// Whether identification, version and entry size are what ld.so of the file's class and byte order wants.
pub(super) fn is_sound(header: &Header, word: u64) -> bool {
    let ident = &header.e_ident;
    let (system, revision) = (ident[7], ident[8]);
    // VALID_ELF_OSABI and VALID_ELF_ABIVERSION of sysdeps/gnu/ldsodefs.h.
    let abi = match system {
        0 | 3 => revision < 4,
        _ => false,
    };
    let entry = if word == 8 { 56 } else { 32 };
    let padding = ident[9..].iter().all(|byte| *byte == 0);
    ident[6] == 1 && abi && padding && header.e_version == 1 && u64::from(header.e_phentsize) == entry
}

/// Facts of the program headers that need no bytes of the file.
pub(super) fn of_programs(programs: &[ProgramHeader], facts: &mut Facts) {
    // Without PT_GNU_STACK the loader takes the stack to be executable (`DEFAULT_STACK_PERMS` of stackinfo.h).
    facts.executable_stack = matches!(facts.machine, 3 | 62) && !programs.is_empty();
    for program in programs {
        match program.p_type {
            kind::PT_LOAD => {
                let align = if facts.page == 0 { program.p_align } else { facts.page.min(program.p_align) };
                facts.page = align;
            }
            kind::PT_TLS => facts.thread_local = program.p_memsz,
            kind::PT_DYNAMIC => facts.dynamic = true,
            kind::PT_GNU_STACK => facts.executable_stack = program.p_flags & kind::PF_X != 0,
            _ => {}
        }
    }
}

/// `GNU_PROPERTY_X86_ISA_1_NEEDED` in the bytes of `PT_GNU_PROPERTY`: a bit for each level, 1 for x86-64-v1.
pub(super) fn isa(notes: Fields<'_>) -> u32 {
    const NEEDED: u32 = 0xc000_8002;
    const NOTE: usize = 16;
    let end = NOTE.saturating_add(notes.int(4) as usize).min(notes.bytes.len());
    let mut at = NOTE;
    while notes.int(8) == 5 && at + 8 <= end {
        let (kind, length) = (notes.int(at), notes.int(at + 4) as usize);
        if kind == NEEDED && length == 4 {
            return notes.int(at + 8);
        }
        let Some(next) = (at + 8).checked_add(length).and_then(|next| next.checked_next_multiple_of(8))
        else {
            return 0;
        };
        at = next;
    }
    0
}
