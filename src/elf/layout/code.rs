//! Pieces of code by address, and what a call leads to.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Seek;

use super::Machine;
use super::amd64;
use super::arm64;
use super::links::Links;
use super::marks::Marks;
use crate::elf::Error;
use crate::elf::source::Source;

/// Bytes that are read at once.
const PAGE: u64 = 4 << 10;
/// Most pages that are kept.
const KEPT: usize = 2 << 10;
/// Most jumps that are followed from a call to what it means.
const JUMPS: usize = 3;

/// Where a jump goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// To an address.
    To(u64),
    /// To the address that a slot holds.
    Through(u64),
}

/// The code of a file.
pub(super) struct Code<'s, 'f, R> {
    source: &'s mut Source<'f, R>,
    machine: Machine,
    links: &'s Links,
    marks: &'s Marks,
    pages: BTreeMap<u64, Vec<u8>>,
    known: BTreeMap<u64, bool>,
}

impl<'s, 'f, R: Read + Seek> Code<'s, 'f, R> {
    pub(super) const fn new(
        source: &'s mut Source<'f, R>,
        machine: Machine,
        links: &'s Links,
        marks: &'s Marks,
    ) -> Self {
        Self { source, machine, links, marks, pages: BTreeMap::new(), known: BTreeMap::new() }
    }

    /// The bytes of a function; `None` where they are not in the file.
    pub(super) fn bytes(&mut self, address: u64, length: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some((offset, left)) = self.source.place(address) else {
            return Ok(None);
        };
        let end = offset.saturating_add(length.min(left));
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let page = at / PAGE * PAGE;
            let from = usize::try_from(at - page).unwrap_or(0);
            let to = usize::try_from((end - page).min(PAGE)).unwrap_or(0);
            let Some(piece) = self.page(page)?.get(from..to) else {
                return Ok(None);
            };
            bytes.extend_from_slice(piece);
            at = page + PAGE;
        }
        Ok(Some(bytes))
    }

    fn page(&mut self, offset: u64) -> Result<&[u8], Error> {
        if !self.pages.contains_key(&offset) {
            if self.pages.len() >= KEPT {
                self.pages.clear();
            }
            let bytes = self.source.bytes(offset, PAGE)?;
            self.pages.insert(offset, bytes);
        }
        Ok(self.pages.get(&offset).map_or(&[], Vec::as_slice))
    }

    /// Whether a call frees an object of a size that is given.
    pub(super) fn frees(&mut self, jump: Jump) -> Result<bool, Error> {
        match jump {
            Jump::Through(slot) => Ok(self.links.sized.contains(&slot)),
            Jump::To(target) => {
                if let Some(known) = self.known.get(&target) {
                    return Ok(*known);
                }
                let answer = self.follow(target)?;
                self.known.insert(target, answer);
                Ok(answer)
            }
        }
    }

    /// Through the procedure linkage table to the function. A function that does nothing but jump on to
    /// `operator delete` without a size is the one with a size: old compilers bring it along.
    fn follow(&mut self, start: u64) -> Result<bool, Error> {
        let mut target = start;
        for step in 0..JUMPS {
            if self.marks.own.contains(&target) {
                return Ok(true);
            }
            let Some(bytes) = self.bytes(target, 24)? else {
                return Ok(false);
            };
            let jump = match self.machine {
                Machine::Amd64 => amd64::jump(&bytes, target),
                Machine::Arm64 => arm64::jump(&bytes, target),
            };
            match jump {
                Some(Jump::To(next)) => target = next,
                Some(Jump::Through(slot)) => {
                    let wrapped = step > 0 && self.links.plain.contains(&slot);
                    return Ok(wrapped || self.links.sized.contains(&slot));
                }
                None => return Ok(false),
            }
        }
        Ok(false)
    }
}
