//! The registry client against registries that misbehave, and against one as it is. Each test says which real
//! behaviour it copies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "the PATH says which programs are there")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

#[path = "registry/auth.rs"]
mod auth;
#[path = "registry/cut.rs"]
mod cut;
#[path = "registry/early.rs"]
mod early;
#[path = "registry/elsewhere.rs"]
mod elsewhere;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "registry/interrupt.rs"]
mod interrupt;
#[path = "registry/mount.rs"]
mod mount;
#[path = "registry/partial.rs"]
mod partial;
#[path = "registry/pieces.rs"]
mod pieces;
#[path = "registry/pull.rs"]
mod pull;
#[path = "registry/push.rs"]
mod push;
#[path = "registry/ranges.rs"]
mod ranges;
#[path = "registry/real.rs"]
mod real;
#[path = "registry/real_ranges.rs"]
mod real_ranges;
#[path = "registry/referrers.rs"]
mod referrers;
#[path = "registry/rig.rs"]
mod rig;
#[path = "registry/storage.rs"]
mod storage;
#[path = "registry/traffic.rs"]
mod traffic;
#[path = "registry/upload.rs"]
mod upload;
