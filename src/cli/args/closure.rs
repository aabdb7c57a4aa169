//! `abi closure`.

use clap::Args;

/// `abi closure`.
#[derive(Debug, Args)]
#[command(
    after_help = "The recipe form starts from the files that the recipe grafts and prints, for each graft, \
a `files` line to put into it. The other form takes two trees or images and the files to start from."
)]
pub struct AbiClosure {
    /// A recipe file (ends in .toml), or the tree that files are put into: an image in any transport, or
    /// dir:PATH for an unpacked tree
    #[arg(value_name = "RECIPE|OLD")]
    pub old: String,
    /// The tree that files come from
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    /// A file that moves: its path in NEW, or the end of it; may be repeated
    #[arg(long, value_name = "PATH")]
    pub seed: Vec<String>,
    /// A directory of OLD that stands for one of NEW; may be repeated
    #[arg(long, value_name = "OLDDIR=NEWDIR")]
    pub map: Vec<String>,
    /// Set a variable of the recipe; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Platform of the images
    #[arg(long, default_value = "linux/amd64")]
    pub platform: String,
}
