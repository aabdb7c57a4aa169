//! What relocations tie together: slots through which `operator delete` is called, and bases of classes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::io::Seek;

use super::marks::Marks;
use crate::elf::Error;
use crate::elf::relocations::Table;
use crate::elf::source::Source;

/// What relocations say.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Slots that hold `operator delete` with a size.
    pub(super) sized: BTreeSet<u64>,
    /// Slots that hold `operator delete` without one.
    pub(super) plain: BTreeSet<u64>,
    /// Places that hold the address of type information, with its symbol.
    pub(super) infos: BTreeMap<u64, u32>,
    /// Functions that relocations name: who they are is decided when the file is loaded.
    pub(super) named: BTreeSet<u32>,
}

impl Links {
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        tables: &[Table],
        marks: &Marks,
    ) -> Result<Self, Error> {
        let mut links = Self::default();
        let kinds = kinds(marks);
        for table in tables.iter().filter(|table| table.addend) {
            let count = table.length / 24;
            source.entries(table.address, 24, count, "relocation table", &mut |_, fields| {
                let symbol = fields.int(12);
                let Some(kind) = kinds.get(usize::try_from(symbol).unwrap_or(usize::MAX)) else {
                    return Ok(true);
                };
                let place = fields.word(0);
                match kind {
                    Kind::Other => {}
                    Kind::Sized => drop(links.sized.insert(place)),
                    Kind::Plain => drop(links.plain.insert(place)),
                    Kind::Info => drop(links.infos.insert(place, symbol)),
                    Kind::Function => drop(links.named.insert(symbol)),
                }
                Ok(true)
            })?;
        }
        Ok(links)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    Sized,
    Plain,
    Info,
    Function,
}

/// What each symbol is, up to the last that is anything.
fn kinds(marks: &Marks) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let mut set = |symbol: u32, kind: Kind| {
        let symbol = usize::try_from(symbol).unwrap_or(0);
        if kinds.len() <= symbol {
            kinds.resize(symbol + 1, Kind::Other);
        }
        kinds[symbol] = kind;
    };
    marks.looked_at().for_each(|symbol| set(symbol, Kind::Info));
    marks.functions.iter().for_each(|function| set(function.symbol, Kind::Function));
    marks.sized.iter().for_each(|symbol| set(*symbol, Kind::Sized));
    marks.plain.iter().for_each(|symbol| set(*symbol, Kind::Plain));
    kinds
}
