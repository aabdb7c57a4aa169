//! String tables. Names are bytes; those that are no UTF-8 are written with escapes, so that equal stays equal.

use super::Error;

/// `.dynstr`, and a measure of what was taken from it.
pub(super) struct Strings {
    bytes: Vec<u8>,
    budget: usize,
}

impl Strings {
    /// Many names may share bytes, but not without end: a hostile table could name one long string a million times.
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        let budget = bytes.len().saturating_mul(8).saturating_add(1 << 20);
        Self { bytes, budget }
    }

    /// The name at `offset`, up to a NUL or the end of the table; empty when the offset is outside.
    pub(super) fn get(&mut self, offset: u64) -> Result<String, Error> {
        let rest =
            usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default();
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        let name = text(&rest[..end]);
        self.spend(end)?;
        Ok(name)
    }

    /// A copy of a name that was taken before.
    pub(super) fn again(&mut self, name: &str) -> Result<String, Error> {
        self.spend(name.len())?;
        Ok(name.to_owned())
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
        let mut strings = Strings::new(b"\0abc\0de".to_vec());
        for (offset, want) in [(0, ""), (1, "abc"), (3, "c"), (5, "de"), (99, ""), (u64::MAX, "")] {
            assert_eq!(strings.get(offset).unwrap(), want);
        }
    }

    #[test]
    fn names_that_are_no_utf8_stay_apart() {
        assert_eq!(text(b"a\xff"), "a\\xff");
        assert_ne!(text(b"a\xff"), text(b"a\xfe"));
    }

    #[test]
    fn one_long_name_taken_without_end_is_refused() {
        let mut strings = Strings::new(vec![b'a'; 1 << 16]);
        let taken = (0..100).take_while(|_| strings.get(0).is_ok()).count();
        assert!((8..100).contains(&taken), "{taken}");
    }
}
