//! Operator schemas of PyTorch, as text: where one begins and ends, what it declares, which calls fit it.
//!
//! Knows nothing of ELF files or of Python: bytes and texts go in (`aten/src/ATen/core/function_schema.h` and
//! `torch/csrc/jit/frontend/function_schema_parser.cpp` of PyTorch are the grammar).

mod call;
mod compare;
mod cursor;
mod fit;
mod kind;
mod parse;
mod scan;
mod schema;
mod value;

pub use call::Call;
pub use call::Passed;
pub use call::Shape;
pub use compare::Change;
pub use compare::Effect;
pub use compare::compare;
pub use fit::Misfit;
pub use fit::fit;
pub use kind::Type;
pub use parse::SchemaError;
pub use parse::parse;
pub use scan::Found;
pub use scan::Scanner;
pub use scan::scan;
pub use schema::Argument;
pub use schema::Schema;
