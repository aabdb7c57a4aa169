//! `.gnu.version_r` and `.gnu.version_d` (LSB 5.0 core, "Symbol Versioning").

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Seek;
use std::sync::Arc;

use super::Error;
use super::VersionNeed;
use super::source::Source;
use super::text::Strings;

/// Longest chain, in bytes: files in use have a few kilobytes.
const LONGEST: u64 = 4 << 20;

/// What a version index stands for.
#[derive(Debug, Clone)]
pub(super) enum Version {
    /// A version that another file must have.
    Needed(Arc<VersionNeed>),
    /// A version of this file's own.
    Own(Arc<str>),
}

/// Both tables, and what each version index means.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) needs: Vec<VersionNeed>,
    pub(super) defs: Vec<String>,
    pub(super) by_index: BTreeMap<u16, Version>,
}

/// Entries of one chain are told apart by where they are; a chain longer than its bytes runs in a circle.
struct Chain<'a, 's, R> {
    source: &'a mut Source<'s, R>,
    left: u64,
    what: &'static str,
}

impl<R: Read + Seek> Chain<'_, '_, R> {
    fn entry(&mut self, address: u64, length: u64) -> Result<Vec<u8>, Error> {
        let what = self.what;
        self.left = self.left.checked_sub(length).ok_or(Error::Excess { what })?;
        let bytes = self.source.at(address, length, what)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(Error::Outside { what }) }
    }

    fn step(&self, address: u64, by: u32) -> Result<u64, Error> {
        let outside = Error::Outside { what: self.what };
        address.checked_add(u64::from(by)).ok_or(outside)
    }
}

/// Reads `DT_VERNEED` at `address`.
pub(super) fn needs<R: Read + Seek>(
    source: &mut Source<'_, R>,
    address: u64,
    strings: &mut Strings,
    versions: &mut Versions,
) -> Result<(), Error> {
    let left = source.size().min(LONGEST);
    let mut chain = Chain { source, left, what: "table of needed versions" };
    let mut file_at = address;
    loop {
        let bytes = chain.entry(file_at, 16)?;
        let fields = chain.source.fields(&bytes);
        let (name, aux, next) = (fields.int(4), fields.int(8), fields.int(12));
        let file = strings.get(u64::from(name))?;
        let mut at = chain.step(file_at, aux)?;
        loop {
            let bytes = chain.entry(at, 16)?;
            let fields = chain.source.fields(&bytes);
            let need = VersionNeed {
                file: strings.again(&file)?,
                version: strings.get(u64::from(fields.int(8)))?,
                weak: fields.half(4) & 2 != 0,
            };
            versions.by_index.insert(fields.half(6) & 0x7fff, Version::Needed(Arc::new(need.clone())));
            versions.needs.push(need);
            match fields.int(12) {
                0 => break,
                step => at = chain.step(at, step)?,
            }
        }
        match next {
            0 => return Ok(()),
            step => file_at = chain.step(file_at, step)?,
        }
    }
}

/// Reads `DT_VERDEF` at `address`.
pub(super) fn defs<R: Read + Seek>(
    source: &mut Source<'_, R>,
    address: u64,
    strings: &mut Strings,
    versions: &mut Versions,
) -> Result<(), Error> {
    let left = source.size().min(LONGEST);
    let mut chain = Chain { source, left, what: "table of defined versions" };
    let mut at = address;
    let mut found = BTreeMap::new();
    loop {
        let bytes = chain.entry(at, 20)?;
        let fields = chain.source.fields(&bytes);
        let (flags, index, next) = (fields.half(2), fields.half(4) & 0x7fff, fields.int(16));
        let aux = chain.step(at, fields.int(12))?;
        let bytes = chain.entry(aux, 8)?;
        let name = strings.get(u64::from(chain.source.fields(&bytes).int(0)))?;
        // glibc keeps the base version (the file's own name) out of what symbols can have.
        if flags & 1 == 0 {
            versions.by_index.insert(index, Version::Own(Arc::from(name.as_str())));
        }
        found.insert(index, name);
        match next {
            0 => break,
            step => at = chain.step(at, step)?,
        }
    }
    versions.defs = found.into_values().collect();
    Ok(())
}
