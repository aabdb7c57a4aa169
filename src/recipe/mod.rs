//! The recipe: what a person asks for, with the place in the file where each thing was asked.
//!
//! Describes only: knows nothing of images, and resolves nothing but its own variables.

mod audit;
mod deploy;
pub mod error;
pub mod fault;
mod load;
pub mod lockfile;
mod overlap;
mod raw;
mod resolve;
pub mod schema;
mod settings;
pub mod shape;
mod steps;
mod vars;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::finding::RecipeSpot;
use crate::oci::ImagePath;
use crate::oci::Platform;
use crate::oci::Reference;

pub use audit::Allow;
pub use audit::AuditOptions;
pub use audit::EntryContext;
pub use audit::Level;
pub use audit::LevelChoice;
pub use audit::PolicyChoice;
pub use audit::Scope;
pub use deploy::Cache;
pub use deploy::Deploy;
pub use deploy::Frontend;
pub use deploy::Resources;
pub use deploy::SideChannel;
pub use deploy::Worker;
pub use deploy::fault::DeployFault;
pub use error::Error;
pub(crate) use fault::nearest;
pub use load::document;
pub use load::load;
pub use load::read;
pub(crate) use load::unread;
pub use schema::schema;

/// A recipe, checked as far as it can be without looking at an image. Variables are already put in.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Its name: by default the output's repository name.
    pub name: String,
    /// SHA-256 of the recipe's text.
    pub digest: crate::oci::Digest,
    /// Variables as used, after `--var`.
    pub vars: BTreeMap<String, String>,
    /// The image everything is put on.
    pub base: ImageSource,
    /// Donors, by the name that steps use.
    pub sources: BTreeMap<String, ImageSource>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Changes of the configuration.
    pub config: ConfigEdit,
    /// What the audit should know.
    pub audit: AuditOptions,
    /// How it is run on a cluster.
    pub deploy: Option<Deploy>,
}

/// An image that the recipe names.
#[derive(Debug, Clone)]
pub struct ImageSource {
    /// Where it is; paths of this machine are already joined to the recipe's directory.
    pub reference: Reference,
    /// The reference as written, with variables put in: what lock files and reports show.
    pub written: String,
    /// For which platform.
    pub platform: Platform,
    /// Where the recipe says so.
    pub spot: RecipeSpot,
}

/// One step and where it stands.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where the step begins.
    pub spot: RecipeSpot,
    /// What to do.
    pub action: Action,
}

/// The kinds of steps.
#[derive(Debug, Clone)]
pub enum Action {
    /// Take files out of a donor.
    Graft(Graft),
    /// Change text.
    Patch(PatchStep),
    /// Take away.
    Remove(Remove),
    /// Make a symbolic link.
    Link(Link),
    /// Write a file.
    Write(Write),
    /// Make a directory.
    Mkdir(Mkdir),
}

/// `graft`: files of a donor, mapped from one root to another.
#[derive(Debug, Clone)]
pub struct Graft {
    /// The donor, a key of [`Recipe::sources`].
    pub from: String,
    /// Directory in the donor.
    pub root: ImagePath,
    /// Directory in the base.
    pub into: ImagePath,
    /// Relative paths or globs; each must match in the donor. With the place of each.
    pub files: Vec<(String, RecipeSpot)>,
    /// Relative paths or globs that may be absent in the donor.
    pub optional: Vec<(String, RecipeSpot)>,
    /// `Some(true)`: the destination must exist; `Some(false)`: it must not.
    pub replace: Option<bool>,
    /// Owner instead of the replaced file's or the donor's.
    pub owner: Option<(u64, u64)>,
    /// Mode instead of the replaced file's or the donor's.
    pub mode: Option<u32>,
    /// Whether other hard-link names of a replaced file are replaced too.
    pub replace_aliases: bool,
}

/// `patch`: a text file of the image, changed by a patch file or a unified diff.
#[derive(Debug, Clone)]
pub struct PatchStep {
    /// The file in the image.
    pub file: ImagePath,
    /// The patch, on this machine, already joined to the recipe's directory.
    pub with: PatchFile,
}

/// The two languages of patches.
#[derive(Debug, Clone)]
pub enum PatchFile {
    /// Edits with anchors, TOML.
    Edits(PathBuf),
    /// A unified diff.
    Diff(PathBuf),
}

/// `remove`.
#[derive(Debug, Clone)]
pub struct Remove {
    /// What to take away, with all below it.
    pub path: ImagePath,
    /// Whether it is fine when it is not there.
    pub ignore_missing: bool,
}

/// `link`.
#[derive(Debug, Clone)]
pub struct Link {
    /// The link.
    pub path: ImagePath,
    /// Its target as it will be written.
    pub target: String,
}

/// `write`.
#[derive(Debug, Clone)]
pub struct Write {
    /// The file in the image.
    pub file: ImagePath,
    /// Its content.
    pub content: WriteContent,
    /// Mode; default: the replaced file's, else 0644.
    pub mode: Option<u32>,
    /// Owner; default: the replaced file's, else the directory's.
    pub owner: Option<(u64, u64)>,
}

/// What `write` writes.
#[derive(Debug, Clone)]
pub enum WriteContent {
    /// The text in the recipe.
    Text(String),
    /// A file of this machine, already joined to the recipe's directory.
    Source(PathBuf),
}

/// `mkdir`.
#[derive(Debug, Clone)]
pub struct Mkdir {
    /// The directory.
    pub path: ImagePath,
    /// Mode; default 0755.
    pub mode: Option<u32>,
    /// Owner; default: the parent directory's.
    pub owner: Option<(u64, u64)>,
}

/// `[config]`: changes of the image configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigEdit {
    /// Set.
    pub env: BTreeMap<String, String>,
    /// Put before the base's value, joined by `:`.
    pub env_prepend: BTreeMap<String, String>,
    /// Put after the base's value, joined by `:`.
    pub env_append: BTreeMap<String, String>,
    /// Set.
    pub labels: BTreeMap<String, String>,
    /// Set.
    pub user: Option<String>,
    /// Set.
    pub workdir: Option<String>,
    /// Set; an empty list clears it.
    pub cmd: Option<Vec<String>>,
    /// Set; an empty list clears it. `cmd` stays as it is.
    pub entrypoint: Option<Vec<String>>,
    /// Taken away, before anything is set.
    pub unset: Vec<Unset>,
}

/// What `unset` can name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unset {
    /// `env:NAME`.
    Env(String),
    /// `label:NAME`.
    Label(String),
    /// `cmd`.
    Cmd,
    /// `entrypoint`.
    Entrypoint,
    /// `user`.
    User,
    /// `workdir`.
    Workdir,
}
