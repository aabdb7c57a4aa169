//! `abi …`.

use crate::cli::args::Abi;
use crate::cli::args::AbiCommand;
use crate::cli::args::AbiDiff;
use crate::cli::args::Global;
use crate::cli::closure::closure;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::session::Session;

/// Does what follows `abi`.
///
/// # Errors
/// When the files cannot be read.
pub fn abi(args: &Abi, global: &Global) -> Result<Outcome, Failure> {
    match &args.command {
        AbiCommand::Diff(args) => diff(args, global),
        AbiCommand::Closure(args) => closure(args, &Session::open(global)?),
    }
}

fn diff(args: &AbiDiff, _global: &Global) -> Result<Outcome, Failure> {
    Err(Failure::usage(format!("cannot compare `{}` yet", args.old), "wait"))
}
