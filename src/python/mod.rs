//! What a change of a Python file asks for: that it parses, that no stale bytecode stays, that RECORD stays true.
//!
//! No Python is run. Knows nothing of images: paths go in, names and texts come out.

mod bytecode;
mod depth;
mod follow;
mod modules;
mod names;
pub mod record;
mod script;
mod stable_abi;
mod syntax;

pub use bytecode::is_stale_cache;
pub use bytecode::stale_caches;
pub use follow::follow;
pub use modules::Kind;
pub use modules::Modules;
pub use script::Exports;
pub use script::Imported;
pub use script::OpCall;
pub use script::OpDefinition;
pub use script::Script;
pub use script::other_machine;
pub use script::script;
pub use script::script_at;
pub use stable_abi::stable_since;
pub use syntax::SyntaxError;
pub use syntax::parse_errors;
