//! What must move together: on small libraries with one answer each, on two images, and on real wheels. The
//! system's own loader is the judge of what loads.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../elves/mod.rs"]
mod elves;
mod nixl;
mod program;
mod recipe;
mod small;
