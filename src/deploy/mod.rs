//! The image on a cluster: manifests out of a recipe, manifests held against their schema and against an image,
//! and what a cluster makes of them.
//!
//! Knows nothing of how an image is built, of the command line, or of how findings are shown.

pub mod check;
pub mod cluster;
pub mod manifest;
mod pod;
pub mod render;
pub mod schema;
pub mod yaml;

/// Why a text holds no documents, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, as the rest of a sentence about the file.
    pub message: String,
}
