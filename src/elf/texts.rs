//! Strings in read-only data that mean something to others: operator schemas, names of libraries and of variables.

use std::io::Read;
use std::io::Seek;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::Symbols;
use super::sections;
use super::sections::Section;
use super::sieve;
use super::sieve::Sieve;
use super::sieve::Step;
use super::source::Source;
use super::strings::Collector;
use super::strings::Letters;
use super::traits::Anchors;
use crate::torch::Found;
use crate::torch::Scanner;

/// Bytes that are looked at in one go: no more than may be read of device code.
const BLOCK: u64 = sieve::MARGIN;
/// Longest string that is kept whole between two blocks.
const LONGEST: usize = 64 << 10;
/// Most bytes of a file without section headers: there, data cannot be told from code.
const UNTITLED: u64 = 64 << 20;
/// `SHT_PROGBITS`.
const PROGBITS: u32 = 1;
/// `PF_W` of a segment.
const WRITABLE: u32 = 2;

/// Strings of one file, each kind sorted and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// Operator schemas, as `torch::scan` finds them.
    pub schemas: Vec<String>,
    /// Identifiers at the end of strings, in a file that registers operators (`torch::Found::names`).
    pub names: Vec<String>,
    /// Names of the registries that pybind11 and nanobind modules share their classes in.
    pub bindings: Vec<String>,
    /// File names of libraries, such as `libnuma.so.1`, and the beginnings of some, such as `libplugin_`: what
    /// may be opened at run time.
    pub libraries: Vec<String>,
    /// What strings end with that looks like a variable: capitals, digits and `_`. Compilers keep a string that
    /// is the end of another only once, so a name can be the end of one of these.
    pub variables: Vec<String>,
    /// In files with Rust or Go in them, whose strings have no end: rows of capitals, in which several names can
    /// stand side by side.
    pub words: Vec<String>,
    /// In files that make names of variables at run time, what strings end with that can be a part of one: of
    /// names with `FI_` in small letters, of names with `UCX_` in capitals.
    pub parts: Vec<String>,
}

/// Reads the strings.
pub(super) fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    anchors: &Anchors,
    symbols: &Symbols,
) -> Result<Texts, Error> {
    let sections = sections::read(source)?;
    let go = sections.iter().any(|section| matches!(section.name.as_str(), ".gopclntab" | ".go.buildinfo"));
    let mut collector = Collector::new(go, maker(symbols));
    let mut scanner = Scanner::default();
    for place in places(source, &sections, anchors) {
        read_range(source, place, &mut collector, &mut scanner)?;
    }
    let Found { schemas, names } = scanner.finish();
    let names = if schemas.is_empty() && !registers(symbols) { Vec::new() } else { names };
    Ok(Texts { schemas, names, ..collector.finish() })
}

/// Whether the file registers operators with PyTorch, be it without a schema: that of a C++ function does then.
fn registers(symbols: &Symbols) -> bool {
    let ours = |name: &str| name.contains("5torch7Library") || name.contains("3c1017RegisterOperators");
    symbols.undefined.iter().any(|symbol| ours(&symbol.name))
}

/// Operator schemas alone, sorted.
pub(super) fn schemas<R: Read + Seek>(
    source: &mut Source<'_, R>,
    anchors: &Anchors,
) -> Result<Vec<String>, Error> {
    let sections = sections::read(source)?;
    let mut scanner = Scanner::default();
    for place in places(source, &sections, anchors) {
        scanner.begin(place.0);
        pieces(source, place, &mut |offset, block| {
            if block.is_empty() { scanner.begin(offset) } else { scanner.push(block) }
        })?;
    }
    Ok(scanner.finish().schemas)
}

/// How the file makes names of variables, if it does: libfabric and its providers as `fi_param_define` does it
/// (`FI_EFA_IFACE` for `iface` of `efa`), UCX and its modules from tables (`UCX_`, `IB_`, `GPU_DIRECT_RDMA`).
fn maker(symbols: &Symbols) -> Option<Letters> {
    let letters = |name: &str| match name {
        "fi_param_define" | "fi_getparams" => Some(Letters::Small),
        name if name.starts_with("ucs_config_") => Some(Letters::Capital),
        _ => None,
    };
    let defined = symbols.defined.iter().map(|symbol| symbol.name.as_str());
    defined.chain(symbols.undefined.iter().map(|symbol| symbol.name.as_str())).find_map(letters)
}

/// Where read-only data lies: what sections say, else all that is mapped and cannot be written, without the
/// names of symbols.
fn places<R: Read + Seek>(source: &Source<'_, R>, all: &[Section], anchors: &Anchors) -> Vec<(u64, u64)> {
    if all.is_empty() {
        let names = anchors.strings.and_then(|(address, _)| source.place(address)).map(|(offset, _)| offset);
        let fixed = source.segments.iter().filter(|segment| segment.flags & WRITABLE == 0);
        let mut left = UNTITLED;
        let mut places = Vec::new();
        for segment in fixed.take(64) {
            let end = segment.offset.saturating_add(segment.length);
            let inside = names.filter(|at| (segment.offset..end).contains(at));
            let names_end =
                |(at, (_, length)): (u64, (u64, u64))| (at - segment.offset).saturating_add(length);
            let skipped = inside.zip(anchors.strings).map_or(0, names_end);
            let length = segment.length.saturating_sub(skipped).min(left);
            left -= length;
            places.push((segment.offset.saturating_add(skipped), length));
        }
        return places;
    }
    let wanted = all.iter().filter(|section| {
        let data = section.flags & (sections::ALLOC | sections::WRITE | sections::EXECUTE) == sections::ALLOC;
        data && section.kind == PROGBITS && !is_known(&section.name)
    });
    // Sections can lie one over the other, thousands of times: no linker makes more of them than the file has bytes.
    let mut left = source.size();
    wanted
        .map(|section| {
            let length = section.size.min(left);
            left -= length;
            (section.offset, length)
        })
        .collect()
}

/// Sections of read-only data without strings that anybody would look for.
fn is_known(name: &str) -> bool {
    let tables = [
        ".eh_frame",
        ".gcc_except_table",
        ".nv",
        "__nv_",
        ".gopclntab",
        ".interp",
        ".stapsdt",
        ".cask_resource",
    ];
    tables.iter().any(|table| name.starts_with(table))
}

/// Hands the strings of a range to the collector; blocks are cut where a string ends.
fn read_range<R: Read + Seek>(
    source: &mut Source<'_, R>,
    place: (u64, u64),
    collector: &mut Collector,
    scanner: &mut Scanner,
) -> Result<(), Error> {
    let mut rest: Vec<u8> = Vec::new();
    scanner.begin(place.0);
    pieces(source, place, &mut |offset, block| {
        if block.is_empty() {
            scanner.begin(offset);
            collector.add(&rest);
            rest.clear();
            return;
        }
        scanner.push(block);
        rest.extend_from_slice(block);
        let cut = memchr::memrchr(0, &rest).map_or(0, |at| at + 1);
        let cut = if rest.len() - cut > LONGEST { rest.len() } else { cut };
        collector.add(&rest[..cut]);
        rest.drain(..cut);
    })?;
    collector.add(&rest);
    Ok(())
}

/// Hands out a range piece by piece, without device code, which some libraries have among their data; in its place comes
/// an empty piece with the offset behind it.
fn pieces<R: Read + Seek>(
    source: &mut Source<'_, R>,
    (offset, length): (u64, u64),
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), Error> {
    let (mut at, end) = (offset, offset.saturating_add(length));
    let mut sieve = Sieve::within(at..end, source.wide, source.little);
    while at < end {
        let block = source.bytes(at, (end - at).min(BLOCK))?;
        if block.is_empty() {
            break;
        }
        let (mut stays, mut gone) = (0, 0);
        while stays < block.len() && gone == 0 {
            match sieve.step(at + stays as u64, &block[stays..]) {
                Step::Keep(count) => stays += count,
                Step::Drop(count) => gone = count,
                Step::More if stays > 0 => break,
                Step::More => stays = block.len(),
            }
        }
        if stays > 0 {
            each(at, &block[..stays]);
        }
        at += stays as u64 + gone;
        if gone > 0 {
            each(at, &[]);
        }
    }
    Ok(())
}
