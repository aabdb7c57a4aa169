//! What stops a file after it was found, whatever its symbols (glibc `elf/dl-version.c`, `elf/dl-load.c`).

use super::Loader;
use super::World;

/// The version that a file with `DT_RELR` must want of libc.
const RELR: &str = "GLIBC_ABI_DT_RELR";

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
        None
    }
}
