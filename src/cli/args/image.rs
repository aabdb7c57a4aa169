//! `ls`, `cat`, `extract`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::DEFAULT_PLATFORM;

/// An image to look into.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The image, in any transport; `ls` takes dir:PATH for an unpacked tree too
    pub image: String,
    /// Platform of the image
    #[arg(long, default_value = DEFAULT_PLATFORM)]
    pub platform: String,
}

/// `ls`.
#[derive(Debug, Args)]
pub struct Ls {
    /// The image.
    #[command(flatten)]
    pub image: ImageArgs,
    /// Directory or file to list
    #[arg(default_value = "/")]
    pub path: String,
    /// List everything below it
    #[arg(long, short = 'R')]
    pub recursive: bool,
}

/// `cat`.
#[derive(Debug, Args)]
pub struct Cat {
    /// The image.
    #[command(flatten)]
    pub image: ImageArgs,
    /// The file; links are followed inside the image
    pub path: String,
}

/// `extract`.
#[derive(Debug, Args)]
pub struct Extract {
    /// The image.
    #[command(flatten)]
    pub image: ImageArgs,
    /// Files to copy out; links are followed inside the image
    #[arg(required = true)]
    pub paths: Vec<String>,
    /// Directory to copy into; a file keeps its last name
    #[arg(long, short = 'C', default_value = ".", value_name = "DIR")]
    pub directory: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
}
