//! `[audit]`: what the checks should know, and what is made of their findings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::finding::RecipeSpot;
use crate::oci::ImagePath;

/// `[audit]`.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// Libraries that the host injects at run time.
    pub host_libraries: Vec<String>,
    /// GPU architectures the image is for.
    pub gpu: Vec<String>,
    /// What the files must fit.
    pub policy: Option<PolicyChoice>,
    /// Report of an earlier audit, on this machine.
    pub baseline: Option<PathBuf>,
    /// Levels of checks, by id.
    pub levels: BTreeMap<String, LevelChoice>,
    /// Where the recipe sets each environment variable.
    pub settings: BTreeMap<String, RecipeSpot>,
    /// In which company files are loaded, the first that matches first.
    pub contexts: Vec<EntryContext>,
    /// What of the image is judged.
    pub scope: Scope,
    /// Findings that are accepted.
    pub allow: Vec<Allow>,
}

/// What of an image is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    #[default]
    Image,
    /// The files that a build brings, and what is loaded for them.
    Closure,
}

/// How files come into a process, where it cannot be inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryContext {
    /// Glob over the paths of the files that it is for.
    pub subject: String,
    /// The program that loads them; `None`: the one that is inferred.
    pub executable: Option<ImagePath>,
    /// What it opens before, in order, for itself (`RTLD_LOCAL`).
    pub preload: Vec<ImagePath>,
    /// What it opens before those, in order, for all (`RTLD_GLOBAL`).
    pub preload_global: Vec<ImagePath>,
    /// Where the recipe says so; `None` for the command line.
    pub spot: Option<RecipeSpot>,
}

/// A finding that is accepted, and why.
#[derive(Debug, Clone)]
pub struct Allow {
    /// The check's id.
    pub check: String,
    /// Glob over the finding's path; `None` matches any.
    pub path: Option<String>,
    /// Glob over the finding's symbol; `None` matches any.
    pub symbol: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Where the recipe says so.
    pub spot: RecipeSpot,
}

/// A policy, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChoice {
    /// One that is built in, or a file of this machine.
    pub name: String,
    /// Where the recipe says so; `None` for the command line.
    pub spot: Option<RecipeSpot>,
}

impl PolicyChoice {
    /// Whether a policy written like this is a file: names of built-in ones have no slash and no `.toml`.
    #[must_use]
    pub fn is_file(text: &str) -> bool {
        text.contains('/') || text.ends_with(".toml")
    }
}

/// What becomes of a check's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// They are errors.
    Error,
    /// They are warnings.
    Warning,
    /// They are notes.
    Note,
    /// They are told, and count for nothing.
    Off,
}

/// A level, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChoice {
    /// The level.
    pub level: Level,
    /// Where the recipe says so; `None` for the command line and for policies.
    pub spot: Option<RecipeSpot>,
}
