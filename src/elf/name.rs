//! Names of symbols. A file has very many, and they lie side by side in one text: each is a piece of it.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::ops::Range;
use std::sync::Arc;

/// The name of a symbol. Cheap to clone; equal to another that reads the same, wherever it lies.
#[derive(Clone)]
pub struct SymbolName {
    text: Arc<str>,
    start: u32,
    end: u32,
}

impl SymbolName {
    /// The piece of `text` between two offsets; `None` when there is no such piece.
    pub(super) fn piece(text: &Arc<str>, range: Range<usize>) -> Option<Self> {
        text.get(range.clone())?;
        let (start, end) = (u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?);
        Some(Self { text: Arc::clone(text), start, end })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl From<&str> for SymbolName {
    fn from(name: &str) -> Self {
        let text = Arc::from(name);
        Self::piece(&text, 0..name.len()).unwrap_or(Self { text, start: 0, end: 0 })
    }
}

impl Default for SymbolName {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for SymbolName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for SymbolName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SymbolName {}

impl PartialEq<str> for SymbolName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SymbolName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for SymbolName {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl Ord for SymbolName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for SymbolName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for SymbolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for SymbolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pieces_and_compare_as_text() {
        let text: Arc<str> = Arc::from("printfé");
        let piece = |range| SymbolName::piece(&text, range);
        assert_eq!(piece(0..5).unwrap(), SymbolName::from("print"));
        assert!(piece(0..5).unwrap() < piece(0..6).unwrap());
        assert!(piece(0..7).is_none() && piece(5..9).is_none(), "a piece of a letter, and past the end");
        assert_eq!(SymbolName::default().as_str(), "");
    }
}
