//! What one Python file says to others: operators that it calls and defines, variables that it reads.

use serde::Deserialize;
use serde::Serialize;

/// Facts of one Python file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {}

impl Script {
    /// Whether nothing was found that is worth keeping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The facts of a file with this text; none when it does not parse.
#[must_use]
pub fn script(_text: &str) -> Script {
    Script::default()
}
