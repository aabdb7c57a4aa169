//! What a schema declares.

use std::fmt;

use super::Type;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its type.
    pub kind: Type,
    /// The alias annotation of its type, such as `a!` or `!`.
    pub alias: Option<String>,
    /// Its name.
    pub name: String,
    /// Its default, as written.
    pub default: Option<String>,
    /// It stands behind `*` and is passed by name only.
    pub keyword_only: bool,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// What stands before `::`.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What stands behind the dot: `Tensor` of `add.Tensor`.
    pub overload: Option<String>,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
    /// Any number of further arguments follow: `...`.
    pub variadic: bool,
    /// What it returns, as written. `None` when the text ends before that, as a compiler's copy of it may: then the
    /// arguments are as they were found, and no more.
    pub returns: Option<String>,
}

impl Schema {
    /// The operator as it was declared, without its arguments: `ns::name.overload`.
    #[must_use]
    pub fn operator(&self) -> String {
        let prefix = self.namespace.as_ref().map(|namespace| format!("{namespace}::")).unwrap_or_default();
        let suffix = self.overload.as_ref().map(|overload| format!(".{overload}")).unwrap_or_default();
        format!("{prefix}{}{suffix}", self.name)
    }

    /// Whether the argument at this place must be passed.
    #[must_use]
    pub fn requires(&self, place: usize) -> bool {
        self.arguments.get(place).is_some_and(|argument| argument.default.is_none())
    }

    /// How few and how many values a call can have.
    #[must_use]
    pub fn arity(&self) -> (usize, usize) {
        let least = self.arguments.iter().filter(|argument| argument.default.is_none()).count();
        (least, if self.variadic { usize::MAX } else { self.arguments.len() })
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.default.as_ref().map_or(Ok(()), |default| write!(f, "={default}"))
    }
}
