//! Which dynamic symbols are looked at: functions that free an object, type information, `operator delete`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::io::Seek;

use super::class;
use crate::elf::Error;
use crate::elf::source::Source;
use crate::elf::symbols;
use crate::elf::symbols::Tables;

/// Most functions and most classes that are looked at: the largest libraries in use have a tenth of it.
const MOST: usize = 100_000;

/// A function that may hold a size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    pub(super) address: u64,
    pub(super) length: u64,
    /// Its number in the symbol table.
    pub(super) symbol: u32,
}

/// What the symbol table says; numbers are those of symbols.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Sorted by address.
    pub(super) functions: Vec<Function>,
    /// Type information that the file defines: address to length and symbol.
    pub(super) infos: BTreeMap<u64, (u64, u32)>,
    /// Offsets of the names of all of these, and of type information that the file only names.
    names: BTreeMap<u32, u32>,
    /// `operator delete` with a size.
    pub(super) sized: BTreeSet<u32>,
    /// `operator delete` without one.
    pub(super) plain: BTreeSet<u32>,
    /// Where the file defines `operator delete` with a size.
    pub(super) own: BTreeSet<u64>,
}

impl Marks {
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        tables: Tables,
        names: &[u8],
    ) -> Result<Self, Error> {
        let mut marks = Self::default();
        let entry = symbols::entry_size(true);
        if !source.wide {
            return Ok(marks);
        }
        source.entries(tables.symbols, entry, tables.count, "symbol table", &mut |number, fields| {
            let (Ok(symbol), at) = (u32::try_from(number), fields.int(0)) else {
                return Ok(false);
            };
            if let Some(name) = text(names, at) {
                let kind = fields.bytes.get(4).map_or(0, |info| info & 15);
                let defined = fields.half(6) != 0;
                marks.look(name, symbol, at, kind, defined.then(|| (fields.word(8), fields.word(16))));
            }
            Ok(marks.functions.len() < MOST && marks.infos.len() < MOST)
        })?;
        marks.functions.sort_by_key(|function| function.address);
        Ok(marks)
    }

    fn look(&mut self, name: &[u8], symbol: u32, at: u32, kind: u8, place: Option<(u64, u64)>) {
        const FUNCTION: u8 = 2;
        let Some(rest) = name.strip_prefix(b"_Z") else {
            return;
        };
        match rest {
            b"dlPvm" | b"dlPvmSt11align_val_t" => {
                self.sized.insert(symbol);
                self.own.extend(place.map(|(address, _)| address));
            }
            b"dlPv" | b"dlPvSt11align_val_t" => {
                self.plain.insert(symbol);
            }
            [b'T', b'I', ..] => {
                self.names.insert(symbol, at);
                if let Some((address, length)) = place {
                    self.infos.insert(address, (length, symbol));
                }
            }
            _ => {
                if let Some((address, length)) = place.filter(|_| kind == FUNCTION)
                    && class::frees(rest)
                {
                    self.names.insert(symbol, at);
                    self.functions.push(Function { address, length, symbol });
                }
            }
        }
    }

    /// The name of a symbol that is looked at; `None` where it is not text.
    pub(super) fn name<'n>(&self, symbol: u32, names: &'n [u8]) -> Option<&'n str> {
        std::str::from_utf8(text(names, *self.names.get(&symbol)?)?).ok()
    }

    /// Every symbol that is looked at for its name: type information, and functions.
    pub(super) fn looked_at(&self) -> impl Iterator<Item = u32> {
        self.names.keys().copied()
    }
}

/// The name at an offset; `None` for one that is no C++ name.
fn text(names: &[u8], at: u32) -> Option<&[u8]> {
    let rest = names.get(usize::try_from(at).ok()?..)?;
    if !rest.starts_with(b"_Z") {
        return None;
    }
    rest.get(..memchr::memchr(0, rest)?)
}
