//! `abi …`.

use clap::Args;
use clap::Subcommand;

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
    /// The build that users were made for: a file or a directory
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The build that takes its place: a file, or a directory whose files pair with those of OLD by name
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Exit with 1 when there is a change of at least this level: an error breaks users for certain
    #[arg(long, value_enum, default_value_t = GateLevel::Error)]
    pub gate: GateLevel,
    /// List every change, not only the first of each kind
    #[arg(long)]
    pub all: bool,
}
