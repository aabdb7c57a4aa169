//! How many dynamic symbols there are: no tag says so, the hash tables do.
//!
//! Layouts: gABI "Hash Table"; for `DT_GNU_HASH` glibc `elf/dl-lookup.c`, `_dl_setup_hash`.

use std::io::Read;
use std::io::Seek;

use super::Error;
use super::source::Source;

/// `DT_HASH`: one chain link for each symbol.
pub(super) fn count_sysv<R: Read + Seek>(source: &mut Source<'_, R>, address: u64) -> Result<u64, Error> {
    let head = source.at(address, 8, "hash table")?;
    Ok(u64::from(source.fields(&head).int(4)))
}

/// `DT_GNU_HASH`: the end of the chain that starts last. Symbols before the hashed ones are counted,
/// but a file that exports nothing says nothing of how many it wants: relocations tell.
pub(super) fn count_gnu<R: Read + Seek>(source: &mut Source<'_, R>, address: u64) -> Result<u64, Error> {
    const WHAT: &str = "GNU hash table";
    let head = source.at(address, 16, WHAT)?;
    let fields = source.fields(&head);
    let (buckets, first) = (u64::from(fields.int(0)), u64::from(fields.int(4)));
    let bloom = u64::from(fields.int(8)) * source.word();
    let outside = || Error::Outside { what: WHAT };
    let table = address.checked_add(16 + bloom).ok_or_else(outside)?;
    let mut last = 0;
    source.entries(table, 4, buckets, WHAT, &mut |_, bucket| {
        last = last.max(u64::from(bucket.int(0)));
        Ok(true)
    })?;
    if last < first {
        return Ok(first);
    }
    let chain = (last - first)
        .checked_mul(4)
        .and_then(|skip| table.checked_add(buckets * 4)?.checked_add(skip))
        .ok_or_else(outside)?;
    let (_, left) = source.place(chain).ok_or_else(outside)?;
    let mut count = 0;
    source.entries(chain, 4, left / 4, WHAT, &mut |number, link| {
        count = last + number + 1;
        Ok(link.int(0) & 1 == 0)
    })?;
    Ok(count)
}
