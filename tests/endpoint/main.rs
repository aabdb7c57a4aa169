//! `smoke` and `bench` against servers that misbehave in every way that has a name.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/apiserver.rs"]
mod apiserver;
mod bench;
mod compare;
mod forward;
mod model;
mod program;
mod script;
mod smoke;
