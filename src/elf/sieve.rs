//! Which bytes of a large file its study never asks for: device code, and what is neither mapped nor a header.
//!
//! They are told from the others as the file passes, before the section headers at its end have come. Device code is
//! known by how its containers look (`fatbin.rs`), of which only the headers are kept. A guess all the same: who reads
//! the rest has to notice when it asks for something that is gone.

use std::ops::Range;

use memchr::memmem;

use super::fatbin;
use super::parse;
use super::source::Fields;

/// How much of the file's beginning is asked for: program headers are in it.
pub const HEAD: u64 = 64 << 10;
/// Bytes before the section headers in which the names of sections are, with names of symbols behind them.
const NAMES: u64 = 32 << 20;
/// The least that is worth a hole.
const LEAST: u64 = 64 << 10;
/// As much of device code as who looks for its headers may read of it without knowing.
pub(super) const MARGIN: u64 = 16 << 10;
/// Code is read in whole pages of the file.
const PAGE: u64 = 4 << 10;
/// Longest header of a container or an entry that is believed to be one; in use are 16 and 64 to 112 bytes.
const HEADER: u64 = 4 << 10;

/// What becomes of the next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many of them may be asked for.
    Keep(usize),
    /// So many will not be; more than are here, perhaps.
    Drop(u64),
    /// Too few are here to tell.
    More,
}

/// Tells the bytes apart, in their order.
#[derive(Debug)]
pub struct Sieve {
    /// What is not device code and not yet passed: apart from each other, the last first.
    kept: Vec<Range<u64>>,
    wide: bool,
    little: bool,
    size: u64,
    /// Bytes at the beginning of code that stay.
    margin: u64,
    /// The end of the container that the next entry is in.
    container: Option<u64>,
    /// Bytes before this offset stay.
    keep: u64,
    /// Bytes from there to this offset go.
    skip: u64,
}

impl Sieve {
    /// For a file of `size` bytes that begins with `head`. `None`: all of it may be asked for.
    #[must_use]
    pub fn of(head: &[u8], size: u64) -> Option<Self> {
        let (mapped, sections) = parse::places(head)?;
        let mut kept = mapped;
        kept.push(0..HEAD);
        kept.push(sections.start.saturating_sub(NAMES)..sections.end);
        kept.retain(|range| range.start < range.end && range.start < size);
        for range in &mut kept {
            *range = range.start / PAGE * PAGE..range.end.div_ceil(PAGE).saturating_mul(PAGE);
        }
        kept.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in kept {
            match joined.last_mut().filter(|last| range.start.saturating_sub(last.end) < LEAST) {
                Some(last) => last.end = last.end.max(range.end),
                None => joined.push(range),
            }
        }
        joined.reverse();
        let (wide, little) = (head.get(4) == Some(&2), head.get(5) == Some(&1));
        Some(Self { kept: joined, wide, little, size, margin: MARGIN, container: None, keep: 0, skip: 0 })
    }

    /// For one piece of a file of this class and order: all but device code is kept.
    pub(super) fn within(range: Range<u64>, wide: bool, little: bool) -> Self {
        let (size, kept) = (range.end, vec![range]);
        Self { kept, wide, little, size, margin: 0, container: None, keep: 0, skip: 0 }
    }

    /// What becomes of the bytes at the offset `at`: the one where the last step ended.
    pub fn step(&mut self, at: u64, bytes: &[u8]) -> Step {
        while self.kept.last().is_some_and(|range| range.end <= at) {
            self.kept.pop();
        }
        let Some(range) = self.kept.last() else {
            return Step::Drop(self.size.saturating_sub(at));
        };
        if at < range.start {
            return Step::Drop(range.start - at);
        }
        let end = range.end.min(self.size);
        let here = usize::try_from(end - at).unwrap_or(usize::MAX).min(bytes.len());
        let (bytes, last) = (&bytes[..here], at + here as u64 == end);
        if at >= self.keep && at < self.skip {
            return Step::Drop(self.skip - at);
        }
        if at >= self.keep && !self.plan(at, bytes, end) {
            return if last { Step::Keep(here) } else { Step::More };
        }
        let left = usize::try_from(self.keep - at).unwrap_or(usize::MAX);
        Step::Keep(left.min(here))
    }

    /// Decides how far the bytes at `at` stay, and what goes after them; whether there are enough of them to tell.
    fn plan(&mut self, at: u64, bytes: &[u8], end: u64) -> bool {
        let inside = self.container.filter(|end| at + fatbin::ENTRY <= *end);
        let Some(container) = inside else {
            self.container = None;
            return self.search(at, bytes, end);
        };
        if (bytes.len() as u64) < fatbin::ENTRY {
            return false;
        }
        let (header, length) = fatbin::entry(Fields::new(bytes, self.wide, self.little));
        let body = at.saturating_add(header);
        let after = body.saturating_add(length);
        if !(fatbin::ENTRY..=HEADER).contains(&header) || after > container {
            self.container = None;
            return self.search(at, bytes, end);
        }
        (self.keep, self.skip) = if length < LEAST { (after, after) } else { (body + self.margin, after) };
        true
    }

    /// Looks for the next container before `end`; one that is shorter than a hole is data like any other.
    fn search(&mut self, at: u64, bytes: &[u8], end: u64) -> bool {
        let magic = fatbin::magic(self.little);
        if bytes.len() < 16 {
            return false;
        }
        // The last bytes may be the beginning of one.
        self.keep = at + (bytes.len() - magic.len() + 1) as u64;
        for found in memmem::find_iter(bytes, &magic) {
            let here = at + found as u64;
            if bytes.len() - found < 16 {
                self.keep = here;
                break;
            }
            let (header, length) = fatbin::container(Fields::new(&bytes[found..], self.wide, self.little));
            let first = here.saturating_add(header);
            let after = first.saturating_add(length);
            if header <= HEADER && length >= LEAST && after <= end {
                (self.keep, self.container) = (first, Some(after));
                break;
            }
        }
        self.skip = self.keep;
        true
    }
}
