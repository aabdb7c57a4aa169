//! String tables. Names are bytes; those that are no UTF-8 are written with escapes, so that equal stays equal.

use std::sync::Arc;

use super::Error;
use super::SymbolName;

/// `.dynstr`, and a measure of what was taken from it.
pub(super) struct Strings {
    table: Table,
    budget: usize,
}

/// The table's bytes.
enum Table {
    /// All of it is text: names are pieces of it.
    Text(Arc<str>),
    Bytes(Vec<u8>),
}

impl Strings {
    /// Many names may share bytes, but not without end: a hostile table could name one long string a million times.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let budget = bytes.len().saturating_mul(8).saturating_add(1 << 20);
        let table = match String::from_utf8(bytes) {
            Ok(text) => Table::Text(Arc::from(text)),
            Err(error) => Table::Bytes(error.into_bytes()),
        };
        Self { table, budget }
    }

    /// The name at `offset`, up to a NUL or the end of the table; empty when the offset is outside.
    pub(super) fn get(&mut self, offset: u64) -> Result<String, Error> {
        let (_, name) = self.find(offset);
        let (name, length) = (text(name), name.len());
        self.spend(length)?;
        Ok(name)
    }

    /// As [`Strings::get`], without a copy where that can be.
    pub(super) fn name(&mut self, offset: u64) -> Result<SymbolName, Error> {
        let (start, name) = self.find(offset);
        let length = name.len();
        let piece = match &self.table {
            Table::Text(text) => SymbolName::piece(text, start..start + length),
            Table::Bytes(_) => None,
        };
        let name = piece.unwrap_or_else(|| SymbolName::from(text(name).as_str()));
        self.spend(length)?;
        Ok(name)
    }

    /// A copy of a name that was taken before.
    pub(super) fn again(&mut self, name: &str) -> Result<String, Error> {
        self.spend(name.len())?;
        Ok(name.to_owned())
    }

    fn find(&self, offset: u64) -> (usize, &[u8]) {
        let bytes = match &self.table {
            Table::Text(text) => text.as_bytes(),
            Table::Bytes(bytes) => bytes,
        };
        let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let rest = &bytes[start..];
        (start, &rest[..memchr::memchr(0, rest).unwrap_or(rest.len())])
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.ok_or(Error::Excess { what: "string table" })?;
        Ok(())
    }
}

/// Bytes as text; a backslash and what is no UTF-8 become `\\xNN` when the whole is no UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_nul_or_at_the_end() {
        for table in [&b"\0abc\0de"[..], b"\0abc\0de\0\xff"] {
            let mut strings = Strings::new(table.to_vec());
            for (offset, want) in [(0, ""), (1, "abc"), (3, "c"), (5, "de"), (99, ""), (u64::MAX, "")] {
                assert_eq!(strings.get(offset).unwrap(), want);
                assert_eq!(strings.name(offset).unwrap().as_str(), want);
            }
        }
    }

    #[test]
    fn names_that_are_no_utf8_stay_apart() {
        assert_eq!(text(b"a\xff"), "a\\xff");
        assert_ne!(text(b"a\xff"), text(b"a\xfe"));
        let mut strings = Strings::new("é".as_bytes().to_vec());
        assert_eq!(strings.name(0).unwrap().as_str(), "é");
        assert_eq!(strings.name(1).unwrap().as_str(), "\\xa9", "the end of a letter");
    }

    #[test]
    fn one_long_name_taken_without_end_is_refused() {
        let mut strings = Strings::new(vec![b'a'; 1 << 16]);
        let taken = (0..100).take_while(|_| strings.get(0).is_ok()).count();
        assert!((8..100).contains(&taken), "{taken}");
    }
}
