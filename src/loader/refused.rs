//! What stops a file after it was found, whatever its symbols (glibc `elf/dl-version.c`, `elf/dl-load.c`,
//! `elf/dl-reloc.c`).

use super::Loader;
use super::World;
use crate::elf::DF_STATIC_TLS;

/// Bytes of static thread-local storage that glibc keeps for files opened later: 64 + 16 * 100 up to 2.31
/// (`TLS_STATIC_SURPLUS`), as many since (`_dl_tls_static_surplus_init` of `elf/dl-tls.c` by its tunables' defaults).
pub const STATIC_TLS: u64 = 1664;
/// The version that a file with `DT_RELR` must want of libc.
const RELR: &str = "GLIBC_ABI_DT_RELR";

/// Whether the environment makes every stack executable (`glibc.rtld.execstack` of the manual's tunables).
fn allows_stacks(loader: &Loader<'_>) -> bool {
    let tunables = loader.view.env.get("GLIBC_TUNABLES");
    tunables.is_some_and(|tunables| tunables.contains("glibc.rtld.execstack=2"))
}

impl World {
    /// Why the loader of this image refuses a loaded file; `None` when it does not.
    #[must_use]
    pub fn refused(&self, loader: &Loader<'_>, object: usize) -> Option<&'static str> {
        let facts = &self.objects.get(object)?.object.facts;
        let since = |minor| loader.system.glibc.is_some_and(|own| own >= minor);
        let promised = facts.version_needs.iter().any(|need| need.version == RELR);
        // The check comes with the versions of libc, so a file that wants none of libc is not asked.
        if since(36)
            && facts.relr
            && !promised
            && facts.version_needs.iter().any(|need| need.file == "libc.so.6")
        {
            return Some("has DT_RELR relocations and does not want GLIBC_ABI_DT_RELR of libc");
        }
        let stack = facts.executable_stack && !self.starts_executable() && !allows_stacks(loader);
        if since(41) && self.is_opened(object) && stack {
            return Some("needs an executable stack, which the loader gives to no file that is opened later");
        }
        None
    }

    /// Whether the file is opened by a program that is known, and was not there when it began.
    fn is_opened(&self, object: usize) -> bool {
        !self.is_from_start(object) && self.objects.first().is_some_and(|main| main.file != self.subject)
    }

    fn starts_executable(&self) -> bool {
        let start = self.objects.iter().filter(|mapped| mapped.scope == 0);
        start.into_iter().any(|mapped| mapped.object.facts.executable_stack)
    }

    /// Files opened after the program began whose thread-local storage has to be in the static block, with the
    /// bytes that each asks for (`DF_STATIC_TLS`, `PT_TLS`): the loader has [`STATIC_TLS`] for all of them.
    #[must_use]
    pub fn static_tls(&self) -> Vec<(usize, u64)> {
        let objects = self.objects.iter().enumerate().filter(|(index, _)| self.is_opened(*index));
        let facts = objects.map(|(index, mapped)| (index, &mapped.object.facts));
        let wanted = facts.filter(|(_, facts)| facts.flags & DF_STATIC_TLS != 0 && facts.thread_local > 0);
        wanted.map(|(index, facts)| (index, facts.thread_local)).collect()
    }
}
