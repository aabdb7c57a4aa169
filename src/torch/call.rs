//! How an operator is called, as far as the caller's text tells.

use serde::Deserialize;
use serde::Serialize;

/// What kind of value is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shape {
    /// `None`
    None,
    /// `True`, `False`
    Bool,
    /// A whole number.
    Int,
    /// A number with a point.
    Float,
    /// A string.
    Str,
    /// A list or tuple.
    List,
    /// A tensor.
    Tensor,
}

/// One value of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Passed {
    /// Only running it would tell.
    Unknown,
    /// Written out in the call.
    Literal(Shape),
    /// By the annotation of the parameter that is passed on, which nothing enforces.
    Annotated(Shape),
}

/// The values of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Values by place.
    pub positional: Vec<Passed>,
    /// Values by name.
    pub keywords: Vec<(String, Passed)>,
    /// More may be passed than is written: `*values`, `**names`, a partial call.
    pub open: bool,
}

impl Call {
    /// How many values are written.
    #[must_use]
    pub fn count(&self) -> usize {
        self.positional.len() + self.keywords.len()
    }
}
