//! What can be wrong with a deflate stream.

use std::io;

/// Why a stream cannot be decoded any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The input ends too early.
    Cut,
    /// The input breaks the format.
    Broken(&'static str),
}

impl From<Flaw> for io::Error {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Cut => Self::new(io::ErrorKind::UnexpectedEof, "the gzip stream is cut short"),
            Flaw::Broken(what) => Self::new(io::ErrorKind::InvalidData, what),
        }
    }
}
