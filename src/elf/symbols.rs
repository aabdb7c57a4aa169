//! The dynamic symbol table: what other files can bind to, and what this file wants of them.
//!
//! Which definitions count is glibc's rule (`elf/dl-lookup.c`, `check_match`).

use std::io::Read;
use std::io::Seek;
use std::sync::Arc;

use super::Copied;
use super::Defined;
use super::Error;
use super::Symbols;
use super::Undefined;
use super::order;
use super::relocations::COPY;
use super::relocations::LAZY;
use super::relocations::UNUSED;
use super::source::Fields;
use super::source::Source;
use super::text::Strings;
use super::versions::Version;
use super::versions::Versions;

/// Where the tables are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    pub(super) symbols: u64,
    pub(super) count: u64,
    /// `DT_VERSYM`.
    pub(super) versions: Option<u64>,
}

/// One entry, free of the file's class.
struct Raw {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

impl Raw {
    fn new(fields: Fields<'_>, wide: bool) -> Self {
        let byte = |at: usize| fields.bytes.get(at).copied().unwrap_or(0);
        let (info, value, size) = if wide { (4, 8, 16) } else { (12, 4, 8) };
        Self {
            name: fields.int(0),
            info: byte(info),
            other: byte(info + 1),
            section: fields.half(info + 2),
            value: fields.word(value),
            size: fields.word(size),
        }
    }

    const fn binding(&self) -> u8 {
        self.info >> 4
    }

    const fn weak(&self) -> bool {
        self.binding() == 2
    }

    /// Global, weak or unique, of a type that can be bound to, with a value, and neither hidden nor internal.
    const fn exported(&self) -> bool {
        const ABSOLUTE: u16 = 0xfff1;
        const TLS: u8 = 6;
        let kind = self.info & 15;
        self.section != 0
            && (self.value != 0 || self.section == ABSOLUTE || kind == TLS)
            && matches!(kind, 0 | 1 | 2 | 5 | 6 | 10)
            && matches!(self.binding(), 1 | 2 | 10)
            && !matches!(self.other & 3, 1 | 2)
    }
}

/// Bytes of one symbol.
pub(super) const fn entry_size(wide: bool) -> u64 {
    if wide { 24 } else { 16 }
}

/// Reads both tables. `uses` says which symbols relocations name.
pub(super) fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    tables: Tables,
    uses: &[u8],
    versions: &Versions,
    strings: &mut Strings,
) -> Result<Symbols, Error> {
    // ld.so ignores DT_VERSYM of a file that neither needs nor defines a version.
    let versioned = tables.versions.filter(|_| !versions.by_index.is_empty());
    let indexes = match versioned {
        Some(address) => indexes(source, address, tables.count)?,
        None => Vec::new(),
    };
    let mut symbols = Symbols { versioned: versioned.is_some(), ..Symbols::default() };
    let wide = source.wide;
    source.entries(
        tables.symbols,
        entry_size(wide),
        tables.count,
        "symbol table",
        &mut |number, fields| {
            let raw = Raw::new(fields, wide);
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let use_ = uses.get(number).copied().unwrap_or(UNUSED);
            let index = indexes.get(number).copied().unwrap_or(0);
            if use_ == COPY && raw.section != 0 {
                let symbol = undefined(&raw, index, use_, versions, strings)?;
                symbols.copied.push(Copied { symbol, size: raw.size });
            }
            if raw.exported() {
                symbols.defined.push(defined(&raw, index, versions, strings)?);
            } else if raw.section == 0 && use_ != UNUSED && raw.binding() != 0 {
                symbols.undefined.push(undefined(&raw, index, use_, versions, strings)?);
            }
            Ok(true)
        },
    )?;
    order::by_name(&mut symbols.defined, |symbol| &symbol.name);
    order::by_name(&mut symbols.undefined, |symbol| &symbol.name);
    order::by_name(&mut symbols.copied, |copied| &copied.symbol.name);
    Ok(symbols)
}

fn indexes<R: Read + Seek>(source: &mut Source<'_, R>, address: u64, count: u64) -> Result<Vec<u16>, Error> {
    let mut indexes = Vec::new();
    source.entries(address, 2, count, "version index table", &mut |_, fields| {
        indexes.push(fields.half(0));
        Ok(true)
    })?;
    Ok(indexes)
}

fn defined(raw: &Raw, index: u16, versions: &Versions, strings: &mut Strings) -> Result<Defined, Error> {
    let version = match versions.by_index.get(&(index & 0x7fff)) {
        Some(Version::Own(name)) => Some(Arc::clone(name)),
        Some(Version::Needed(need)) => Some(Arc::from(need.version.as_str())),
        None => None,
    };
    Ok(Defined {
        name: strings.name(u64::from(raw.name))?,
        version,
        index: index & 0x7fff,
        hidden: index & 0x8000 != 0,
        weak: raw.weak(),
        unique: raw.binding() == 10,
        kind: raw.info & 15,
        size: raw.size,
    })
}

fn undefined(
    raw: &Raw,
    index: u16,
    use_: u8,
    versions: &Versions,
    strings: &mut Strings,
) -> Result<Undefined, Error> {
    let version = match versions.by_index.get(&(index & 0x7fff)) {
        Some(Version::Needed(need)) => Some(Arc::clone(need)),
        _ => None,
    };
    Ok(Undefined { name: strings.name(u64::from(raw.name))?, version, weak: raw.weak(), lazy: use_ == LAZY })
}
