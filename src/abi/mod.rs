//! What two builds of a file, or of a set of files, mean for each other.
//!
//! Compares facts; whether an image loads is `audit`'s business.

pub mod closure;
pub mod demangle;
