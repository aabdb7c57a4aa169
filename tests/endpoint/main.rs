//! `smoke` and `bench` against servers that misbehave in every way that has a name.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;
mod compare;
mod model;
mod program;
mod script;
mod smoke;
