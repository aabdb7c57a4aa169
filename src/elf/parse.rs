//! From a file to [`Facts`] and [`Symbols`]. The only file that names goblin.
//!
//! goblin reads the headers and the dynamic section. It refuses files that ld.so loads (a string table that
//! is no UTF-8, a section header offset out of the file), so all other tables are read by the neighbours here.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::io::Read;
use std::io::Seek;
use std::ops::Range;

use goblin::container::Container;
use goblin::container::Ctx;
use goblin::container::Endian;
use goblin::elf::Elf;
use goblin::elf::Header;
use goblin::elf::ProgramHeader;
use goblin::elf::dynamic as tag;
use goblin::elf::program_header as kind;

use super::DF_BIND_NOW;
use super::DF_SYMBOLIC;
use super::DF_TEXTREL;
use super::Error;
use super::Facts;
use super::Study;
use super::Symbols;
use super::Traits;
use super::gates;
use super::hash_tables;
use super::notes;
use super::relocations;
use super::relocations::Table;
use super::source::Segment;
use super::source::Source;
use super::symbols;
use super::symbols::Tables;
use super::text;
use super::text::Strings;
use super::texts;
use super::traits::Anchors;
use super::versions;
use super::versions::Versions;

/// Longest `PT_INTERP` and `PT_NOTE` that are looked at.
const SHORT: u64 = 64 << 10;
/// Packed relative relocations (gABI); goblin has no name for it.
const DT_RELR: u64 = 36;
/// Longest dynamic section: ld.so has no limit, linkers make under a hundred entries.
const DYNAMIC: u64 = 1 << 20;

/// The facts of a file in memory. `None`: it does not start as an ELF file does.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8]) -> Result<Option<(Facts, Symbols)>, Error> {
    read(&mut Cursor::new(bytes), bytes.len() as u64)
}

/// The facts of a file of `size` bytes, of which only headers and tables are read. `None`: it does not start
/// as an ELF file does. A file without a dynamic section has no symbols here.
///
/// Memory stays within a small multiple of the file's string and symbol tables, whatever the file claims.
///
/// # Errors
/// The file starts as ELF but its tables are not inside it, or it cannot be read.
pub fn read(file: &mut (impl Read + Seek), size: u64) -> Result<Option<(Facts, Symbols)>, Error> {
    let mut source = Source::new(file, size);
    let tables = tables(&mut source)?;
    Ok(tables.map(|(facts, symbols, _)| (facts, symbols)))
}

/// As [`read`], with what goes beyond the dynamic loader. That is read from code and read-only data piece by
/// piece; what of it makes no sense is left out.
///
/// # Errors
/// As [`read`].
pub fn study(file: &mut (impl Read + Seek), size: u64) -> Result<Option<Study>, Error> {
    let mut source = Source::new(file, size);
    let Some((facts, symbols, anchors)) = tables(&mut source)? else {
        return Ok(None);
    };
    let traits = Traits::read(&mut source, &anchors, &symbols)?;
    Ok(Some(Study { facts, symbols, traits }))
}

/// As [`study`], without the strings: what they take to read grows with the file.
///
/// # Errors
/// As [`read`].
pub fn outline(file: &mut (impl Read + Seek), size: u64) -> Result<Option<Study>, Error> {
    let mut source = Source::new(file, size);
    let Some((facts, symbols, anchors)) = tables(&mut source)? else {
        return Ok(None);
    };
    let traits = Traits::without_texts(&mut source, &anchors)?;
    Ok(Some(Study { facts, symbols, traits }))
}

/// Schemas of torch operators in a file's read-only data, which is read whole; none where it is no ELF file.
///
/// # Errors
/// As [`read`].
pub fn schemas(file: &mut (impl Read + Seek), size: u64) -> Result<Vec<String>, Error> {
    let mut source = Source::new(file, size);
    match tables(&mut source)? {
        Some((_, _, anchors)) => texts::schemas(&mut source, &anchors),
        None => Ok(Vec::new()),
    }
}

/// What program headers name of a file that begins with `head`, and where its section headers are. `None`: these bytes do
/// not tell.
pub(super) fn places(head: &[u8]) -> Option<(Vec<Range<u64>>, Range<u64>)> {
    let mut file = Cursor::new(head);
    let mut source = Source::new(&mut file, head.len() as u64);
    let header = Elf::parse_header(head).ok()?;
    let context = context(&header)?;
    let named = programs(&mut source, &header, context).ok()?;
    if header.e_shoff == 0 || header.e_shnum == 0 || named.is_empty() {
        return None;
    }
    let count = u64::from(header.e_shnum) * u64::from(header.e_shentsize);
    let sections = header.e_shoff..header.e_shoff.saturating_add(count);
    let named = named.iter().map(|p| p.p_offset..p.p_offset.saturating_add(p.p_filesz));
    Some((named.collect(), sections))
}

/// Facts and symbols, and where the tables are.
fn tables<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Option<(Facts, Symbols, Anchors)>, Error> {
    let start = source.bytes(0, 64)?;
    if !start.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let header = Elf::parse_header(&start).map_err(|_| Error::Headers { what: "ELF header" })?;
    let context = context(&header).ok_or(Error::Headers { what: "ELF header" })?;
    source.wide = context.container.is_big();
    source.little = context.le.is_little();
    let programs = programs(source, &header, context)?;
    source.segments = programs.iter().filter(|p| p.p_type == kind::PT_LOAD).map(segment).collect();

    let mut facts = Facts {
        class: if source.wide { 64 } else { 32 },
        little_endian: source.little,
        machine: header.e_machine,
        osabi: header.e_ident[7],
        kind: header.e_type,
        sound: gates::is_sound(&header, source.word()),
        ..Facts::default()
    };
    gates::of_programs(&programs, &mut facts);
    program_facts(source, &programs, &mut facts)?;
    let mut anchors = Anchors { machine: facts.machine, ..Anchors::default() };
    let Some(dynamic) = Dynamic::read(source, &programs, context)? else {
        return Ok(Some((facts, Symbols::default(), anchors)));
    };
    let symbols = dynamic.facts(source, &mut facts, &mut anchors)?;
    Ok(Some((facts, symbols, anchors)))
}

fn context(header: &Header) -> Option<Ctx> {
    let endian = match header.e_ident[5] {
        1 => Endian::Little,
        2 => Endian::Big,
        _ => return None,
    };
    match header.e_ident[4] {
        1 => Some(Ctx::new(Container::Little, endian)),
        2 => Some(Ctx::new(Container::Big, endian)),
        _ => None,
    }
}

fn programs<R: Read + Seek>(
    source: &mut Source<'_, R>,
    header: &Header,
    context: Ctx,
) -> Result<Vec<ProgramHeader>, Error> {
    let count = usize::from(header.e_phnum);
    let bytes = source.bytes(header.e_phoff, (count * ProgramHeader::size(context)) as u64)?;
    ProgramHeader::parse(&bytes, 0, count, context).map_err(|_| Error::Headers { what: "program headers" })
}

const fn segment(program: &ProgramHeader) -> Segment {
    Segment {
        address: program.p_vaddr,
        offset: program.p_offset,
        length: program.p_filesz,
        flags: program.p_flags,
    }
}

fn program_facts<R: Read + Seek>(
    source: &mut Source<'_, R>,
    programs: &[ProgramHeader],
    facts: &mut Facts,
) -> Result<(), Error> {
    for program in programs {
        match program.p_type {
            kind::PT_INTERP => {
                let bytes = source.bytes(program.p_offset, program.p_filesz.min(SHORT))?;
                let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                facts.interpreter = Some(text::text(&bytes[..end]));
            }
            kind::PT_GNU_PROPERTY => {
                let bytes = source.bytes(program.p_offset, program.p_filesz.min(SHORT))?;
                facts.isa = gates::isa(source.fields(&bytes));
            }
            kind::PT_NOTE if facts.build_id.is_none() => {
                let bytes = source.bytes(program.p_offset, program.p_filesz.min(SHORT))?;
                facts.build_id = notes::build_id(source.fields(&bytes), program.p_align);
            }
            _ => {}
        }
    }
    Ok(())
}

/// `PT_DYNAMIC`, by tag; of a tag that comes twice ld.so takes the last, except for `DT_NEEDED`.
struct Dynamic {
    values: BTreeMap<u64, u64>,
    needed: Vec<u64>,
}

impl Dynamic {
    fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        programs: &[ProgramHeader],
        context: Ctx,
    ) -> Result<Option<Self>, Error> {
        const WHAT: &str = "dynamic section";
        let Some(program) = programs.iter().find(|p| p.p_type == kind::PT_DYNAMIC) else {
            return Ok(None);
        };
        // A file of debug information keeps the header of a section whose bytes are elsewhere.
        let mapped = program.p_filesz > 0 && source.place(program.p_vaddr).is_some();
        if !mapped {
            return Ok(None);
        }
        let bytes = source.at(program.p_vaddr, program.p_filesz.min(DYNAMIC), WHAT)?;
        let whole =
            ProgramHeader { p_type: kind::PT_DYNAMIC, p_filesz: bytes.len() as u64, ..ProgramHeader::new() };
        let parsed = tag::Dynamic::parse(&bytes, &[whole], context)
            .ok()
            .flatten()
            .ok_or(Error::Headers { what: WHAT })?;
        let mut dynamic = Self { values: BTreeMap::new(), needed: Vec::new() };
        for entry in parsed.dyns.iter().take_while(|entry| entry.d_tag != tag::DT_NULL) {
            if entry.d_tag == tag::DT_NEEDED {
                dynamic.needed.push(entry.d_val);
            } else {
                dynamic.values.insert(entry.d_tag, entry.d_val);
            }
        }
        Ok(Some(dynamic))
    }

    fn get(&self, tag: u64) -> Option<u64> {
        self.values.get(&tag).copied()
    }

    /// What is at a tag that holds an address; linkers write 0 for a table that is not there.
    fn address(&self, tag: u64) -> Option<u64> {
        self.get(tag).filter(|address| *address != 0)
    }

    fn facts<R: Read + Seek>(
        &self,
        source: &mut Source<'_, R>,
        facts: &mut Facts,
        anchors: &mut Anchors,
    ) -> Result<Symbols, Error> {
        let mut strings = self.strings(source)?;
        facts.needed = self.needed.iter().map(|name| strings.get(*name)).collect::<Result<_, _>>()?;
        let mut name = |tag| self.get(tag).map(|at| strings.get(at)).transpose();
        facts.soname = name(tag::DT_SONAME)?;
        facts.rpath = name(tag::DT_RPATH)?.map(|list| split(&list)).unwrap_or_default();
        facts.runpath = name(tag::DT_RUNPATH)?.map(|list| split(&list));
        facts.flags = self.flags();
        facts.flags_1 = self.get(tag::DT_FLAGS_1).unwrap_or(0);
        facts.relr = self.address(DT_RELR).is_some();
        let mut versions = Versions::default();
        if let Some(address) = self.address(tag::DT_VERNEED) {
            versions::needs(source, address, &mut strings, &mut versions)?;
        }
        if let Some(address) = self.address(tag::DT_VERDEF) {
            versions::defs(source, address, &mut strings, &mut versions)?;
        }
        facts.version_needs.clone_from(&versions.needs);
        facts.version_defs.clone_from(&versions.defs);
        anchors.strings = self.address(tag::DT_STRTAB).zip(self.get(tag::DT_STRSZ));
        anchors.relocations = self.relocations();
        self.symbols(source, &versions, &mut strings, anchors)
    }

    fn strings<R: Read + Seek>(&self, source: &mut Source<'_, R>) -> Result<Strings, Error> {
        let Some(address) = self.address(tag::DT_STRTAB) else {
            return Ok(Strings::new(Vec::new()));
        };
        let length = self.get(tag::DT_STRSZ).unwrap_or(0);
        Ok(Strings::new(source.at(address, length, "string table")?))
    }

    fn flags(&self) -> u64 {
        let older =
            [(tag::DT_SYMBOLIC, DF_SYMBOLIC), (tag::DT_TEXTREL, DF_TEXTREL), (tag::DT_BIND_NOW, DF_BIND_NOW)];
        let older = older.iter().filter(|(tag, _)| self.values.contains_key(tag));
        older.fold(self.get(tag::DT_FLAGS).unwrap_or(0), |flags, (_, flag)| flags | flag)
    }

    fn symbols<R: Read + Seek>(
        &self,
        source: &mut Source<'_, R>,
        versions: &Versions,
        strings: &mut Strings,
        anchors: &mut Anchors,
    ) -> Result<Symbols, Error> {
        let Some(address) = self.address(tag::DT_SYMTAB) else {
            return Ok(Symbols::default());
        };
        let (_, left) = source.place(address).ok_or(Error::Outside { what: "symbol table" })?;
        let limit = left / symbols::entry_size(source.wide);
        let uses = relocations::uses(source, &anchors.relocations, anchors.machine, limit)?;
        let hashed = if let Some(table) = self.address(tag::DT_GNU_HASH) {
            hash_tables::count_gnu(source, table)?
        } else if let Some(table) = self.address(tag::DT_HASH) {
            hash_tables::count_sysv(source, table)?
        } else {
            0
        };
        let tables = Tables {
            symbols: address,
            count: hashed.max(uses.len() as u64),
            versions: self.address(tag::DT_VERSYM),
        };
        anchors.symbols = Some(tables);
        symbols::read(source, tables, &uses, versions, strings)
    }

    fn relocations(&self) -> Vec<Table> {
        let rela = self.get(tag::DT_PLTREL) == Some(tag::DT_RELA);
        let places = [
            (tag::DT_RELA, tag::DT_RELASZ, true, false),
            (tag::DT_REL, tag::DT_RELSZ, false, false),
            (tag::DT_JMPREL, tag::DT_PLTRELSZ, rela, true),
        ];
        let table = |(at, size, addend, lazy)| {
            Some(Table { address: self.address(at)?, length: self.get(size)?, addend, lazy })
        };
        places.into_iter().filter_map(table).collect()
    }
}

/// A list of directories; ld.so drops nothing, so neither does this.
fn split(list: &str) -> Vec<String> {
    list.split(':').map(str::to_owned).collect()
}
