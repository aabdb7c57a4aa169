//! `index`.

use clap::Args;
use clap::Subcommand;

use crate::cli::args::ImageArgs;

/// `index`.
#[derive(Debug, Args)]
pub struct Index {
    /// What to do.
    #[command(subcommand)]
    pub command: IndexCommand,
}

/// The commands below `index`.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Read every layer of an image that was not read before, and keep what is in it
    Build(IndexBuild),
    /// Put the indexes of an image's layers into a repository, for other machines
    Push(IndexShare),
    /// Take the indexes of an image's layers from a repository
    Pull(IndexShare),
}

/// `index build`.
#[derive(Debug, Args)]
pub struct IndexBuild {
    /// The image.
    #[command(flatten)]
    pub image: ImageArgs,
}

/// `index push` and `index pull`.
#[derive(Debug, Args)]
#[command(
    after_help = "Whoever can write to the repository can mislead `audit`, `diff` and `ls`. A build uses shared indexes with --locked \
only, where what comes of it has to be what the lock file says; without it, layers are read here."
)]
pub struct IndexShare {
    /// The image.
    #[command(flatten)]
    pub image: ImageArgs,
    /// A repository of your own, or a layout (oci:DIR); one tag for each layer
    pub repository: String,
}
