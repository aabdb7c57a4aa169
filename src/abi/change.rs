//! One difference between two builds of a library.

use std::borrow::Cow;

use crate::abi::class_name;
use crate::abi::demangle;
use crate::finding::Severity;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The machine, word size or byte order.
    Machine,
    /// `DT_SONAME`.
    Soname,
    /// A symbol version is gone.
    VersionRemoved,
    /// A function has other parameters: its symbol is gone, and one of the same name is new.
    ParametersChanged,
    /// A symbol is gone.
    SymbolRemoved,
    /// `std::string` of another library ABI.
    StringAbi,
    /// `sizeof` of a class.
    ClassSize,
    /// Bytes of a virtual table.
    VtableSize,
    /// The direct bases of a class.
    Bases,
    /// Bytes of an exported variable.
    ObjectSize,
    /// Code for a GPU architecture is gone.
    ArchitectureLost,
    /// A torch operator's declaration.
    Operator,
    /// A symbol that only one template or inline function more or less makes.
    InlineRemoved,
    /// A symbol is new.
    SymbolAdded,
    /// A symbol version is new.
    VersionAdded,
}

impl Kind {
    /// All kinds, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::Machine,
        Self::Soname,
        Self::VersionRemoved,
        Self::StringAbi,
        Self::ClassSize,
        Self::VtableSize,
        Self::Bases,
        Self::ObjectSize,
        Self::ParametersChanged,
        Self::SymbolRemoved,
        Self::ArchitectureLost,
        Self::Operator,
        Self::InlineRemoved,
        Self::VersionAdded,
        Self::SymbolAdded,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Soname => "soname",
            Self::VersionRemoved => "version-removed",
            Self::ParametersChanged => "parameters-changed",
            Self::SymbolRemoved => "symbol-removed",
            Self::StringAbi => "string-abi",
            Self::ClassSize => "class-size",
            Self::VtableSize => "vtable-size",
            Self::Bases => "bases",
            Self::ObjectSize => "object-size",
            Self::ArchitectureLost => "architecture-lost",
            Self::Operator => "operator",
            Self::InlineRemoved => "inline-removed",
            Self::SymbolAdded => "symbol-added",
            Self::VersionAdded => "version-added",
        }
    }

    /// What the value of such a change is, in a sentence about the subject.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::ClassSize => "whose size",
            Self::VtableSize => "whose virtual table",
            Self::Bases => "whose list of bases",
            _ => "which",
        }
    }

    /// What a list of such changes is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Machine => "is for another machine",
            Self::Soname => "has another soname",
            Self::VersionRemoved => "symbol versions removed",
            Self::ParametersChanged => "functions with other parameters",
            Self::SymbolRemoved => "symbols removed",
            Self::StringAbi => "another std::string",
            Self::ClassSize => "classes of another size",
            Self::VtableSize => "virtual tables of another size",
            Self::Bases => "classes with other bases",
            Self::ObjectSize => "variables of another size",
            Self::ArchitectureLost => "GPU architectures without code",
            Self::Operator => "torch operators declared otherwise",
            Self::InlineRemoved => "inline functions and templates no longer made",
            Self::SymbolAdded => "symbols added",
            Self::VersionAdded => "symbol versions added",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What differs.
    pub kind: Kind,
    /// Error: users of the old build break for certain if they use this. Warning: they may. Note: they do not.
    pub severity: Severity,
    /// A symbol, a class by the name in its type information, a version, an operator; empty for the file.
    pub subject: String,
    /// How it was; empty when it was not there. Of an operator the declaration.
    pub old: String,
    /// How it is; empty when it is gone.
    pub new: String,
    /// How that is known, where there are several ways; of an operator what it means for its callers.
    pub evidence: Cow<'static, str>,
}

impl Change {
    /// A change of one of the kinds.
    #[must_use]
    pub fn new(kind: Kind, severity: Severity, subject: &str, old: &str, new: &str) -> Self {
        let (subject, old, new) = (subject.to_owned(), old.to_owned(), new.to_owned());
        Self { kind, severity, subject, old, new, evidence: Cow::Borrowed("") }
    }

    /// The subject as people write it.
    #[must_use]
    pub fn name(&self) -> String {
        match self.kind {
            Kind::ClassSize | Kind::VtableSize | Kind::Bases => class_name(&self.subject),
            _ => demangle(&self.subject),
        }
    }
}
