//! What one Python file says to others: operators that it calls and defines, variables that it reads.

use serde::Deserialize;
use serde::Serialize;

use super::names;

/// Facts of one Python file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Quoted names that look like environment variables, in files that speak of an environment at all; sorted.
    /// One that ends with `_` can be the beginning of a name that is made at run time.
    pub names: Vec<String>,
}

impl Script {
    /// Whether nothing was found that is worth keeping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The facts of a file with this text; none when it does not parse.
#[must_use]
pub fn script(text: &str) -> Script {
    Script { names: names::names(text) }
}
