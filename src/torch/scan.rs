//! Where schemas begin and end in the read-only data of a library.
//!
//! A schema is one literal that ends in NUL, unless the compiler copies it into a `std::string` by 16 bytes at a
//! time: then its pieces stand in the file without NUL and without their last odd bytes, each at an address that is
//! a multiple of 16, and whatever comes next follows at once.

use std::collections::BTreeSet;

use memchr::memmem::Finder;

use super::cursor::Cursor;
use super::parse;

/// Longest schema that is looked for: the longest in use have 3 KiB.
const LONGEST: usize = 16 << 10;
/// How far a result type reaches behind its arrow.
const RESULT: usize = 1 << 10;
/// Most bytes of text that are kept of one file: all of PyTorch's own operators take a fifth.
const MOST: usize = 4 << 20;
/// Most bytes of names that are kept of one file.
const MOST_NAMES: usize = 256 << 10;
/// Longest name of a namespace or an operator.
const LONGEST_NAME: usize = 64;
/// Most brackets that are tried as the beginning of a schema before one arrow.
const TRIES: usize = 64;
/// Length of the pieces that a compiler copies.
const PIECE: usize = 16;

/// Schemas and names out of the read-only data of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Schema texts, sorted, with single blanks. A text without ` -> ` is one whose end was not there.
    pub schemas: Vec<String>,
    /// Identifiers at the end of a string, sorted: names of namespaces and of operators without schema are among
    /// them.
    pub names: Vec<String>,
}

/// Reads the data block by block; a literal may go over the end of a block. Time is linear, memory bounded.
#[derive(Debug)]
pub struct Scanner {
    arrow: Finder<'static>,
    buffer: Vec<u8>,
    /// Address of the first byte of the buffer, modulo [`PIECE`].
    phase: usize,
    /// Where in the buffer to look on.
    at: usize,
    /// No schema begins before this place of the buffer.
    floor: usize,
    schemas: Kept,
    names: Kept,
}

/// Texts, up to so many bytes.
#[derive(Debug)]
struct Kept {
    texts: BTreeSet<String>,
    left: usize,
}

impl Kept {
    fn add(&mut self, text: &str) {
        if text.len() <= self.left && !self.texts.contains(text) {
            self.left -= text.len();
            self.texts.insert(text.to_owned());
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        let arrow = Finder::new("->");
        let kept = |left| Kept { texts: BTreeSet::new(), left };
        let (schemas, names) = (kept(MOST), kept(MOST_NAMES));
        Self { arrow, buffer: Vec::new(), phase: 0, at: 0, floor: 0, schemas, names }
    }
}

/// Schema texts in one piece of read-only data that begins at a multiple of 16, sorted.
#[must_use]
pub fn scan(data: &[u8]) -> Vec<String> {
    let mut scanner = Scanner::default();
    scanner.push(data);
    scanner.finish().schemas
}

impl Scanner {
    /// What follows does not continue what was pushed; it begins at this address or file offset.
    pub fn begin(&mut self, address: u64) {
        self.drain(true);
        self.buffer.clear();
        (self.at, self.floor) = (0, 0);
        self.phase = usize::try_from(address % PIECE as u64).unwrap_or(0);
    }

    /// Takes the next block.
    pub fn push(&mut self, block: &[u8]) {
        self.buffer.extend_from_slice(block);
        self.drain(false);
    }

    /// Everything that was found.
    #[must_use]
    pub fn finish(mut self) -> Found {
        self.drain(true);
        let all = |kept: Kept| kept.texts.into_iter().collect();
        Found { schemas: all(self.schemas), names: all(self.names) }
    }

    /// Looks at all of the buffer, at its end only when nothing follows, and lets go of what cannot matter any more.
    fn drain(&mut self, last: bool) {
        let limit = if last { self.buffer.len() } else { self.buffer.len().saturating_sub(RESULT) };
        let buffer = std::mem::take(&mut self.buffer);
        if limit > self.at {
            self.arrows(&buffer, limit);
            self.endings(&buffer[..limit]);
            self.at = limit;
        }
        self.buffer = buffer;
        let gone = self.at.saturating_sub(LONGEST);
        self.buffer.drain(..gone);
        self.phase = (self.phase + gone) % PIECE;
        self.at -= gone;
        self.floor = self.floor.saturating_sub(gone);
    }

    fn arrows(&mut self, buffer: &[u8], limit: usize) {
        let arrow = self.arrow.clone();
        // An arrow over the limit is found again from the limit on, and one byte before it.
        let from = self.at.saturating_sub(1).max(self.floor);
        for found in arrow.find_iter(&buffer[from..]) {
            let place = from + found;
            if place + 1 >= limit && limit < buffer.len() {
                break;
            }
            if let Some(text) = self.schema(buffer, place) {
                self.schemas.add(&text);
            }
            self.floor = place + 2;
        }
    }

    /// The schema whose arrow is at `place`.
    fn schema(&self, buffer: &[u8], place: usize) -> Option<String> {
        let lower = self.floor.max(place.saturating_sub(LONGEST));
        let close = buffer[lower..place].trim_ascii_end().strip_suffix(b")")?.len() + lower + 1;
        let start =
            buffer[lower..close].iter().rposition(|b| !is_text(*b)).map_or(lower, |at| lower + at + 1);
        let region = std::str::from_utf8(&buffer[start..close]).ok()?;
        let at_start = start == 0 || !is_text(buffer[start - 1]);
        let (name, end, arguments) =
            balanced(region).and_then(|open| candidate(region, open)).or_else(|| forward(region))?;
        let whole = end == region.len();
        let name = if at_start && region[..name].trim().is_empty() {
            &region[name..]
        } else {
            // A piece that follows another without NUL begins at a multiple of 16.
            let word = region[name..].find('(').filter(|_| arguments > 0)? + name;
            let aligned = (name..word).find(|at| (self.phase + start + at).is_multiple_of(PIECE))?;
            region[aligned..].chars().next().filter(|c| c.is_ascii_alphabetic() || *c == '_')?;
            &region[aligned..]
        };
        let text = &name[..name.len() - (region.len() - end)];
        let result = whole.then(|| result(&buffer[place + 2..])).flatten();
        if arguments == 0 && result.is_none() {
            return None;
        }
        let text = result.map_or_else(|| text.to_owned(), |result| format!("{text} -> {result}"));
        Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Identifiers that end in NUL between the place looked at last and the end of `buffer`.
    fn endings(&mut self, buffer: &[u8]) {
        for end in memchr::memchr_iter(0, &buffer[self.at..]).map(|end| self.at + end) {
            let longest = end.saturating_sub(LONGEST_NAME + 1);
            let before = buffer[longest..end].iter().rposition(|b| !is_word(*b));
            let word = &buffer[before.map_or(longest, |at| longest + at + 1)..end];
            if (2..=LONGEST_NAME).contains(&word.len())
                && !word[0].is_ascii_digit()
                && let Ok(word) = std::str::from_utf8(word)
            {
                self.names.add(word);
            }
        }
    }
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the bracket opens that the end of `text` closes.
fn balanced(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The first name with arguments that PyTorch would take, from the left.
fn forward(text: &str) -> Option<(usize, usize, usize)> {
    text.match_indices('(')
        .take(TRIES)
        .find_map(|(open, _)| candidate(text, open).filter(|found| found.2 > 0))
}

/// A name before the bracket at `open` and arguments behind it: where the name begins, where the arguments end,
/// how many there are.
fn candidate(text: &str, open: usize) -> Option<(usize, usize, usize)> {
    let name_byte = |b: u8| is_word(b) || b == b':' || b == b'.';
    let name = text.as_bytes()[..open].iter().rposition(|b| !name_byte(*b)).map_or(0, |at| at + 1);
    let mut cursor = Cursor::new(&text[name..]);
    let mut schema = parse::head(&mut cursor)?;
    parse::arguments(&mut cursor, &mut schema).ok()?;
    Some((name, text.len() - cursor.rest().len(), schema.arguments.len()))
}

/// The result behind an arrow, when it is whole: NUL or the end of text follows.
fn result(rest: &[u8]) -> Option<String> {
    let rest = &rest[..rest.len().min(RESULT)];
    let end = rest.iter().position(|b| !is_text(*b)).unwrap_or(rest.len());
    let mut cursor = Cursor::new(std::str::from_utf8(&rest[..end]).ok()?);
    match parse::returns(&mut cursor) {
        Some(result) if cursor.peek().is_none() => Some(result),
        _ => run_on(std::str::from_utf8(&rest[..end]).ok()?),
    }
}

/// A plain result that runs on into the next text without NUL: that text begins with a name.
fn run_on(text: &str) -> Option<String> {
    let plain = ["()", "Tensor", "int", "bool", "float", "str"];
    let name = |c: char| c.is_ascii_lowercase() || c == '_';
    let follows =
        |kind: &&&str| text.trim_start().strip_prefix(**kind).is_some_and(|rest| rest.starts_with(name));
    plain.iter().find(follows).map(|kind| (*kind).to_owned())
}
