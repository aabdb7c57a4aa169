//! The registry client against registries that misbehave. Each test says which real behaviour it copies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "registry/auth.rs"]
mod auth;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "registry/pull.rs"]
mod pull;
#[path = "registry/push.rs"]
mod push;
#[path = "registry/real.rs"]
mod real;
#[path = "registry/rig.rs"]
mod rig;
