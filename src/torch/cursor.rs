//! A place in a text that is read from left to right.

/// What is left of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    /// What is left, as it stands.
    pub(super) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// What is left behind any blanks.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// Goes over `mark`, and blanks before it, when it stands here.
    pub(super) fn eat(&mut self, mark: &str) -> bool {
        self.peek();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The longest piece of `wanted` characters here, behind any blanks; may be empty.
    pub(super) fn run(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        self.peek();
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (piece, rest) = self.rest.split_at(end);
        self.rest = rest;
        piece
    }

    /// An identifier, with dots when `dots`.
    pub(super) fn word(&mut self, dots: bool) -> Option<&'a str> {
        self.peek().filter(|first| first.is_ascii_alphabetic() || *first == '_')?;
        Some(self.run(|c| c.is_ascii_alphanumeric() || c == '_' || dots && c == '.'))
    }

    /// The text between an earlier cursor and this one.
    pub(super) fn since(&self, earlier: &Self) -> &'a str {
        &earlier.rest[..earlier.rest.len() - self.rest.len()]
    }
}
