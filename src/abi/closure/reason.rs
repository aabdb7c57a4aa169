//! Why a file moves, as facts.

use std::collections::BTreeSet;

use crate::abi::demangle;
use crate::oci::ImagePath;

/// What kind of bond it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A symbol that the other does not define, or that nothing defines.
    Symbol,
    /// A version that the other does not define.
    Version,
    /// A needed library that is not found.
    Library,
    /// A class whose shape differs.
    Class,
    /// C++ symbols that go between both.
    Calls,
    /// One opens the other at run time.
    Plugin,
}

impl Kind {
    /// The word for it in documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Version => "version",
            Self::Library => "library",
            Self::Class => "class",
            Self::Calls => "calls",
            Self::Plugin => "plugin",
        }
    }
}

/// A bond between two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its kind.
    pub kind: Kind,
    /// Who wants: a path in the old tree.
    pub by: ImagePath,
    /// Of whom; `None` when nobody is left.
    pub of: Option<ImagePath>,
    /// What: symbols as in the file, versions, libraries or classes. All of them.
    pub names: BTreeSet<String>,
}

impl Reason {
    /// Puts a reason in, together with one between the same files.
    pub(super) fn merge(into: &mut Vec<Self>, reason: Self) {
        let same =
            |known: &&mut Self| (known.kind, &known.by, &known.of) == (reason.kind, &reason.by, &reason.of);
        match into.iter_mut().find(same) {
            Some(known) => known.names.extend(reason.names),
            None => into.push(reason),
        }
    }

    /// The names as people write them, those that come first.
    #[must_use]
    pub fn shown(&self, most: usize) -> Vec<String> {
        self.names.iter().take(most).map(|name| demangle(name)).collect()
    }
}
