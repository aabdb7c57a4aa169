//! The main job on real parts: wheels of PyPI, packages of Debian, its registry, its Docker engine, other people's tools.
//!
//! The images are made by `fixtures/real/build.py` from pinned packages; the services are started by `fixtures/services`.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

mod docker;
mod gate;
mod judges;
mod registry;
mod rig;
