//! CUDA device code: which GPU architectures a file has code for.
//!
//! nvcc puts one container for each compiled file into `.nv_fatbin`. What the device linker takes as its input is
//! in `__nv_relfatbin`, often for more architectures; it runs nowhere, so it counts only where there is nothing
//! else, as for cuobjdump. A container is a header of 16 bytes (magic, version, length of the header, length of the
//! rest), then one entry for each architecture. The layout is that of `fatbinary` of CUDA 11 to 13. Code is
//! never read, only skipped by its length, so it does not matter whether it is compressed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::io::Seek;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::gpu::Code;
use super::gpu::CodeKind;
use super::gpu::Features;
use super::gpu::Gpu;
use super::sections;
use super::source::Fields;
use super::source::Source;

const MAGIC: u32 = 0xBA55_ED50;
/// Bytes of an entry's header that are understood.
pub(super) const ENTRY: u64 = 64;
/// Flags of an entry: for one architecture only, for one family only.
const SPECIFIC: u64 = 0x10_0000;
const FAMILY: u64 = 0x20_0000;
/// Most headers that are read of one file. The biggest libraries have some hundred thousand.
const MOST: u32 = 1 << 20;
/// Most kinds of containers that are told apart, and most architectures of one.
const KINDS: usize = 1 << 10;
const ARCHITECTURES: usize = 64;
/// Most bytes that are passed over in search of a container.
const GAPS: u64 = 64 << 20;

/// Device code of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fatbins {
    /// Containers with the same architectures, sorted by them.
    pub modules: Vec<Module>,
}

/// Containers that have code for the same architectures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The code of each, sorted; one architecture can come twice.
    pub codes: Vec<Code>,
    /// How many there are.
    pub count: u32,
}

impl Fatbins {
    /// How many entries there are of each kind and architecture.
    #[must_use]
    pub fn codes(&self) -> BTreeMap<Code, u32> {
        let mut codes = BTreeMap::new();
        for module in &self.modules {
            for code in &module.codes {
                let count: &mut u32 = codes.entry(*code).or_default();
                *count = count.saturating_add(module.count);
            }
        }
        codes
    }

    /// How many containers have code that runs on this architecture, and how many there are.
    #[must_use]
    pub fn running_on(&self, target: Gpu) -> (u32, u32) {
        let runs = |module: &&Module| module.codes.iter().any(|code| code.runs_on(target));
        let count = |sum: u32, module: &Module| sum.saturating_add(module.count);
        (self.modules.iter().filter(runs).fold(0, count), self.modules.iter().fold(0, count))
    }

    /// Architectures for which there is machine code.
    #[must_use]
    pub fn architectures(&self) -> BTreeSet<Gpu> {
        let elf = |code: &&Code| code.kind == CodeKind::Elf;
        self.modules.iter().flat_map(|module| &module.codes).filter(elf).map(|code| code.gpu).collect()
    }
}

/// Reads the headers of all device code; the code itself is skipped by its size.
pub(super) fn read<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Fatbins, Error> {
    let mut walk = Walk { source, modules: BTreeMap::new(), left: MOST, gaps: GAPS };
    let sections = sections::read(walk.source)?;
    for name in [".nv_fatbin", "__nv_relfatbin"] {
        for section in sections.iter().filter(|section| section.name == name) {
            walk.section(section.offset, section.offset + section.size)?;
        }
        if !walk.modules.is_empty() {
            break;
        }
    }
    let modules = walk.modules.into_iter().map(|(codes, count)| Module { codes, count });
    Ok(Fatbins { modules: modules.collect() })
}

struct Walk<'s, 'a, R> {
    source: &'s mut Source<'a, R>,
    modules: BTreeMap<Vec<Code>, u32>,
    /// Headers that may still be read.
    left: u32,
    /// Bytes that may still be passed over.
    gaps: u64,
}

impl<R: Read + Seek> Walk<'_, '_, R> {
    fn section(&mut self, mut at: u64, end: u64) -> Result<(), Error> {
        while let Some(bytes) = self.header(at, 16, end)? {
            let fields = self.source.fields(&bytes);
            let (header, length) = container(fields);
            if fields.int(0) != MAGIC {
                let Some(next) = self.next(at + 4, end)? else { break };
                at = next;
                continue;
            }
            let first = at.saturating_add(header);
            let after = first.saturating_add(length).min(end);
            self.container(first, after)?;
            at = after.max(at + 16);
        }
        Ok(())
    }

    fn container(&mut self, mut at: u64, end: u64) -> Result<(), Error> {
        let mut codes = Vec::new();
        while let Some(bytes) = self.header(at, ENTRY, end)? {
            let fields = self.source.fields(&bytes);
            let (header, length) = entry(fields);
            if header < ENTRY {
                break;
            }
            codes.extend(code(fields).filter(|_| codes.len() < ARCHITECTURES));
            at = at.saturating_add(header).saturating_add(length);
        }
        codes.sort();
        if !codes.is_empty() && (self.modules.len() < KINDS || self.modules.contains_key(&codes)) {
            let count = self.modules.entry(codes).or_default();
            *count = count.saturating_add(1);
        }
        Ok(())
    }

    /// `length` bytes at `at`, when they are there and there were not too many before.
    fn header(&mut self, at: u64, length: u64, end: u64) -> Result<Option<Vec<u8>>, Error> {
        if at.checked_add(length).is_none_or(|after| after > end) || self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let bytes = self.source.bytes(at, length)?;
        Ok((bytes.len() as u64 == length).then_some(bytes))
    }

    /// Where the next container begins: they are aligned, so there can be padding before it.
    fn next(&mut self, mut at: u64, end: u64) -> Result<Option<u64>, Error> {
        let magic = magic(self.source.little);
        while at < end && self.gaps > 0 {
            let bytes = self.source.bytes(at, (end - at).min(1 << 12))?;
            if bytes.len() < magic.len() {
                break;
            }
            if let Some(found) = bytes.windows(magic.len()).position(|window| window == magic) {
                return Ok(Some(at + found as u64));
            }
            let passed = (bytes.len() - magic.len() + 1) as u64;
            self.gaps = self.gaps.saturating_sub(passed);
            at += passed;
        }
        Ok(None)
    }
}

/// How a container begins.
pub(super) const fn magic(little: bool) -> [u8; 4] {
    if little { MAGIC.to_le_bytes() } else { MAGIC.to_be_bytes() }
}

/// Lengths of a container's header and of the entries behind it.
pub(super) fn container(fields: Fields<'_>) -> (u64, u64) {
    (u64::from(fields.half(6)).max(16), fields.long(8))
}

/// Lengths of an entry's header and of the code behind it.
pub(super) fn entry(fields: Fields<'_>) -> (u64, u64) {
    (u64::from(fields.int(4)), fields.long(8))
}

/// What an entry is; other kinds than machine code and PTX run nowhere by themselves.
fn code(fields: Fields<'_>) -> Option<Code> {
    let kind = match fields.half(0) {
        1 => CodeKind::Ptx,
        2 => CodeKind::Elf,
        _ => return None,
    };
    let flags = fields.long(40);
    let features = match (flags & SPECIFIC != 0, flags & FAMILY != 0) {
        (true, _) => Features::Specific,
        (false, true) => Features::Family,
        (false, false) => Features::Common,
    };
    Some(Code { gpu: Gpu { number: fields.int(28), features }, kind })
}
