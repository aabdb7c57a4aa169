//! What two builds of a file, or of a set of files, mean for each other.
//!
//! Compares facts; whether an image loads is `audit`'s business.

mod change;
pub mod closure;
mod diff;
mod diff_layout;
mod diff_operators;
mod diff_symbols;
mod layout;
mod mention;
mod name;
mod own;
mod pair;
mod strings;

pub use change::Change;
pub use change::Kind;
pub use diff::compare;
pub use diff_layout::compare_layouts;
pub use layout::ClassSize;
pub use layout::sizes;
pub use mention::Mentions;
pub use mention::mangled;
pub use mention::uses_members;
pub use name::class_name;
pub use name::demangle;
pub use own::is_own_cpp;
pub use pair::Pair;
pub use pair::pairs;
pub use strings::StringKind;
