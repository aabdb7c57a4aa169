//! Types of arguments and results.

use std::fmt;

use super::cursor::Cursor;

/// Types nest no deeper than this in any schema in use; deeper text is no schema.
const DEPTH: usize = 8;

/// A type as a schema writes it, without its alias annotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `Tensor`, `int`, `__torch__.torch.classes.x.Y`, a type variable such as `t`.
    Named(String),
    /// `T[]`, `T[3]`: with a length, one value stands for all.
    List(Box<Self>, Option<u32>),
    /// `T?`
    Optional(Box<Self>),
    /// `(T, U)`
    Tuple(Vec<Self>),
    /// `Dict(str, int)`, `Future(T)`
    Generic(String, Vec<Self>),
}

/// Names that the parser of PyTorch knows (`schema_type_parser.cpp`, `parseBaseType`).
const NAMES: [&str; 31] = [
    "Any",
    "AnyClassType",
    "AnyEnumType",
    "AnyListType",
    "AnyTupleType",
    "Capsule",
    "Device",
    "DeviceObjType",
    "Dimname",
    "Generator",
    "Layout",
    "MemoryFormat",
    "NoneType",
    "QScheme",
    "Quantizer",
    "Scalar",
    "ScalarType",
    "Storage",
    "Stream",
    "SymBool",
    "SymFloat",
    "SymInt",
    "Tensor",
    "bool",
    "complex",
    "float",
    "int",
    "number",
    "str",
    "tuple",
    "ConstQuantizerPtr",
];
const GENERIC: [&str; 6] = ["Dict", "Future", "Await", "RRef", "Union", "Tuple"];

impl Type {
    /// A type with its alias annotation; `None` when none stands here.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<(Self, Option<String>)> {
        Self::nested(cursor, 0)
    }

    fn nested(cursor: &mut Cursor<'_>, depth: usize) -> Option<(Self, Option<String>)> {
        if depth > DEPTH {
            return None;
        }
        let mut kind = if cursor.eat("(") {
            Self::Tuple(Self::several(cursor, depth)?)
        } else {
            let word = cursor.word(true)?;
            match word {
                _ if GENERIC.contains(&word) => {
                    if !cursor.eat("(") {
                        return None;
                    }
                    Self::Generic(word.to_owned(), Self::several(cursor, depth)?)
                }
                _ if is_name(word) => Self::Named(word.to_owned()),
                _ => return None,
            }
        };
        let mut alias = None;
        loop {
            if cursor.rest().starts_with('(') && alias.is_none() {
                alias = Some(annotation(cursor)?);
            } else if cursor.rest().starts_with('!') && alias.is_none() {
                cursor.eat("!");
                alias = Some("!".to_owned());
            } else if cursor.eat("?") {
                kind = Self::Optional(Box::new(kind));
            } else if cursor.rest().starts_with('[') {
                cursor.eat("[");
                let length = cursor.run(|c| c.is_ascii_digit());
                let length = if length.is_empty() { None } else { Some(length.parse().ok()?) };
                if !cursor.eat("]") {
                    return None;
                }
                kind = Self::List(Box::new(kind), length);
            } else {
                return Some((kind, alias));
            }
        }
    }

    /// Types between commas, up to the closing bracket.
    fn several(cursor: &mut Cursor<'_>, depth: usize) -> Option<Vec<Self>> {
        let mut kinds = Vec::new();
        while !cursor.eat(")") {
            if !kinds.is_empty() && !cursor.eat(",") {
                return None;
            }
            kinds.push(Self::nested(cursor, depth + 1)?.0);
            // Members of tuples may have names.
            cursor.word(false);
        }
        Some(kinds)
    }

    /// The type without `?`.
    #[must_use]
    pub fn inner(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// The name, for a type that has nothing but one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }
}

fn is_name(word: &str) -> bool {
    let variable = word.strip_prefix('t').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    NAMES.contains(&word) || word.starts_with("__torch__.") || variable || matches!(word, "tVal" | "key")
}

/// `(a)`, `(a!)`, `(a -> *)`, `(a|b!)`, without the brackets.
fn annotation(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.eat("(");
    let inner = cursor.run(|c| c.is_ascii_alphanumeric() || "!|*-> $_".contains(c));
    (!inner.is_empty() && cursor.eat(")")).then(|| inner.to_owned())
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, name: &str, inner: &[Self]| {
            let inner: Vec<String> = inner.iter().map(ToString::to_string).collect();
            write!(f, "{name}({})", inner.join(", "))
        };
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(inner, None) => write!(f, "{inner}[]"),
            Self::List(inner, Some(length)) => write!(f, "{inner}[{length}]"),
            Self::Optional(inner) => write!(f, "{inner}?"),
            Self::Tuple(inner) => several(f, "", inner),
            Self::Generic(name, inner) => several(f, name, inner),
        }
    }
}
