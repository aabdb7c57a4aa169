//! What two builds of a file, or of a set of files, mean for each other.
//!
//! Compares facts; whether an image loads is `audit`'s business.

mod change;
mod diff;
mod diff_layout;
mod diff_symbols;
mod layout;
mod name;
mod pair;

pub use change::Change;
pub use change::Kind;
pub use diff::compare;
pub use layout::ClassSize;
pub use layout::sizes;
pub use name::class_name;
pub use name::demangle;
pub use pair::Pair;
pub use pair::pairs;
