//! Section headers, for what only they can tell: where device code and read-only data lie.
//!
//! ld.so never looks at them. They can be stripped or damaged in a file that loads, so their absence is no
//! error here: the answer is an empty list, and readers fall back on what `PT_LOAD` says.

use std::io::Read;
use std::io::Seek;

use super::Error;
use super::source::Fields;
use super::source::Source;

/// Most headers that are looked at; real files have under a hundred, and `e_shnum` cannot say more.
const MOST: u64 = 1 << 16;
/// Longest table of section names that is looked at.
const NAMES: u64 = 1 << 20;
/// `SHT_NOBITS`: the file has no bytes of it.
const NOBITS: u32 = 8;

/// `SHF_WRITE` of [`Section::flags`].
pub(super) const WRITE: u64 = 1;
/// `SHF_ALLOC` of [`Section::flags`].
pub(super) const ALLOC: u64 = 2;
/// `SHF_EXECINSTR` of [`Section::flags`].
pub(super) const EXECUTE: u64 = 4;

/// A section that has bytes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// Its name; what is no UTF-8 is replaced.
    pub(super) name: String,
    /// `sh_type`.
    pub(super) kind: u32,
    /// `sh_flags`.
    pub(super) flags: u64,
    /// Where its bytes are.
    pub(super) offset: u64,
    /// How many; all of them are inside the file.
    pub(super) size: u64,
}

/// The sections in file order of their headers; none when the headers make no sense.
pub(super) fn read<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Vec<Section>, Error> {
    let header = source.bytes(0, 64)?;
    let fields = source.fields(&header);
    let (at, counts) = if source.wide { (40, 58) } else { (32, 46) };
    let (start, entry) = (fields.word(at), u64::from(fields.half(counts)));
    let (mut count, mut names) = (u64::from(fields.half(counts + 2)), usize::from(fields.half(counts + 4)));
    let whole = if source.wide { 64 } else { 40 };
    if start == 0 || start >= source.size() || entry < whole || entry > 1024 {
        return Ok(Vec::new());
    }
    let first = source.bytes(start, whole)?;
    let first = raw(source.fields(&first), source.wide);
    // Numbers that do not fit the header are in the first section (gABI, "Extended section numbering").
    if count == 0 {
        count = first.size;
    }
    if names == 0xffff {
        names = first.link as usize;
    }
    let table = source.bytes(start, count.min(MOST) * entry)?;
    let step = usize::try_from(entry).unwrap_or(64);
    let all: Vec<Raw> =
        table.chunks_exact(step).map(|bytes| raw(source.fields(bytes), source.wide)).collect();
    let Some(strings) = all.get(names) else {
        return Ok(Vec::new());
    };
    let strings = source.bytes(strings.offset, strings.size.min(NAMES))?;
    let size = source.size();
    let inside =
        |raw: &&Raw| raw.kind != NOBITS && raw.offset.checked_add(raw.size).is_some_and(|end| end <= size);
    Ok(all.iter().filter(inside).map(|raw| raw.named(&strings)).collect())
}

struct Raw {
    name: u32,
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
}

fn raw(fields: Fields<'_>, wide: bool) -> Raw {
    let [flags, offset, size, link] = if wide { [8, 24, 32, 40] } else { [8, 16, 20, 24] };
    Raw {
        name: fields.int(0),
        kind: fields.int(4),
        flags: fields.word(flags),
        offset: fields.word(offset),
        size: fields.word(size),
        link: fields.int(link),
    }
}

impl Raw {
    fn named(&self, strings: &[u8]) -> Section {
        let rest = strings.get(self.name as usize..).unwrap_or_default();
        let end = rest.iter().take(256).position(|byte| *byte == 0).unwrap_or(0);
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        Section { name, kind: self.kind, flags: self.flags, offset: self.offset, size: self.size }
    }
}
