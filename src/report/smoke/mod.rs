//! A smoke test: for people, for machines, for CI servers.

pub mod human;
pub mod json;
pub mod junit;
