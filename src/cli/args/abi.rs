//! `abi …`.

use clap::Args;
use clap::Subcommand;

use super::DEFAULT_PLATFORM;
use super::GateLevel;
use super::closure::AbiClosure;

/// `abi`.
#[derive(Debug, Args)]
pub struct Abi {
    /// What of it.
    #[command(subcommand)]
    pub command: AbiCommand,
}

/// The commands below `abi`.
#[derive(Debug, Subcommand)]
pub enum AbiCommand {
    /// What users of a library would notice if another build of it took its place
    Diff(AbiDiff),
    /// Which files of a new build must move together
    Closure(AbiClosure),
}

/// `abi diff`.
#[derive(Debug, Args)]
pub struct AbiDiff {
    /// The build that users were made for: a file or a directory, or IMAGE//PATH for a file of an image
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The build that takes its place, in the same way; files of two directories pair by name
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Exit with 1 when there is a change of at least this level: an error breaks users for certain
    #[arg(long, value_enum, default_value_t = GateLevel::Error)]
    pub gate: GateLevel,
    /// List every change, not only the first of each kind, and compare torch's own operators too
    #[arg(long)]
    pub all: bool,
    /// Platform of the images
    #[arg(long, default_value = DEFAULT_PLATFORM)]
    pub platform: String,
}
