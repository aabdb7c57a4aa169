//! Which symbols relocations name. Only those are looked up when a file is loaded.

use std::io::Read;
use std::io::Seek;

use super::Error;
use super::source::Source;

/// Nothing names the symbol.
pub(super) const UNUSED: u8 = 0;
/// Only `DT_JMPREL` names it.
pub(super) const LAZY: u8 = 1;
/// It is needed as soon as the file is loaded.
pub(super) const NOW: u8 = 2;
/// A copy relocation names it: the file has room for what another file has.
pub(super) const COPY: u8 = 3;

/// Where relocations are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) address: u64,
    pub(super) length: u64,
    /// `Rela`, not `Rel`.
    pub(super) addend: bool,
    /// `DT_JMPREL`.
    pub(super) lazy: bool,
}

/// For each symbol that relocations name, how soon it is needed; `limit` is the most symbols the file can hold.
pub(super) fn uses<R: Read + Seek>(
    source: &mut Source<'_, R>,
    tables: &[Table],
    machine: u16,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    const WHAT: &str = "relocation table";
    let mut uses = Vec::new();
    for table in tables {
        let (word, wide) = (source.word(), source.wide);
        let entry = word * if table.addend { 3 } else { 2 };
        let when = if table.lazy { LAZY } else { NOW };
        source.entries(table.address, entry, table.length / entry, WHAT, &mut |_, fields| {
            let info = fields.word(if wide { 8 } else { 4 });
            let symbol = info >> if wide { 32 } else { 8 };
            if symbol == 0 {
                return Ok(true);
            }
            if symbol >= limit {
                return Err(Error::Outside { what: "symbol table" });
            }
            let symbol = usize::try_from(symbol).map_err(|_| Error::Excess { what: WHAT })?;
            if uses.len() <= symbol {
                uses.resize(symbol + 1, UNUSED);
            }
            let kind = info & if wide { 0xffff_ffff } else { 0xff };
            uses[symbol] = uses[symbol].max(if is_copy(machine, kind) { COPY } else { when });
            Ok(true)
        })?;
    }
    Ok(uses)
}

/// `R_X86_64_COPY`, `R_386_COPY` and `R_AARCH64_COPY`.
const fn is_copy(machine: u16, kind: u64) -> bool {
    matches!((machine, kind), (3 | 62, 5) | (183, 1024))
}
