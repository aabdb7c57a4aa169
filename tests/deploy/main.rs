//! `imgforge deploy` as a user has it: manifests that were really deployed, re-created with the faults that they
//! had, and those that the recipes make.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../support/apiserver.rs"]
mod apiserver;
mod bench;
mod found;
mod live;
mod render;
