//! The main job on real parts: real wheels in real images, forged from and to real registries and engines, and
//! read by the tools that people use. Each story starts its own services and ends them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "CI says whether a check may be left out")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod docker;
mod early;
mod gate;
mod judges;
mod lent;
mod registry;
mod same_as_docker;
mod services;
mod soci;
mod stage;
mod whole;
