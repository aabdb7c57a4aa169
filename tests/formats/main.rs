//! Layers that can be read in parts by what others put into them: frames of Zstandard, and tables of contents, made by
//! the tools of the field.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]

mod frames;
#[path = "../support/skip.rs"]
mod skip;
mod soci;
mod tables;
