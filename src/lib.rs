//! imgforge: layer surgery for container images.
//!
//! A recipe names a base image, donor images and steps. Each stage of a build is a value that only
//! its stage can make:
//!
//! ```text
//! recipe ─ resolve → Locked ─ plan → Plan ─ fetch → Fetched ─ edit → Changeset ─ gate → Cleared ─ assemble → Assembled ─ publish → Receipt
//! ```
//!
//! Imports point strictly downward; modules of one row do not know each other (`tests/architecture.rs`):
//!
//! ```text
//! cli
//! report
//! build  deploy  endpoint
//! audit  edit
//! abi
//! loader
//! index
//! rootfs  transport
//! store  layer  elf  python  recipe
//! deflate  finding  oci  progress  torch
//! hint
//! ```

pub mod abi;
pub mod audit;
pub mod build;
pub mod cli;
pub mod deflate;
pub mod deploy;
pub mod edit;
pub mod elf;
pub mod endpoint;
pub mod finding;
pub mod hint;
pub mod index;
pub mod layer;
pub mod loader;
pub mod oci;
pub mod progress;
pub mod python;
pub mod recipe;
pub mod report;
pub mod rootfs;
pub mod store;
pub mod torch;
pub mod transport;
