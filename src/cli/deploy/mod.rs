//! `deploy`: what runs an image on a cluster.

mod apply;
mod check;
mod delete;
mod facts;
mod logs;
pub(in crate::cli) mod place;
mod render;
mod status;

use crate::cli::args::Deploy;
use crate::cli::args::DeployCommand;
use crate::cli::args::Global;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::mend::mended;
use crate::cli::session::Session;
use crate::hint::Hint;

/// Does what the subcommand says.
///
/// # Errors
/// Those of the subcommand.
pub fn deploy(args: &Deploy, global: &Global) -> Result<Outcome, Failure> {
    match &args.command {
        DeployCommand::Render(args) => render::render(args, global),
        DeployCommand::Check(args) => {
            let session = Session::open(global)?;
            mended(&mut || check::check(args, &session))
        }
        DeployCommand::Apply(args) => apply::apply(args, &Session::open(global)?),
        DeployCommand::Status(args) => status::status(args, global.format),
        DeployCommand::Logs(args) => logs::logs(args),
        DeployCommand::Delete(args) => delete::delete(args, &Session::open(global)?),
    }
}

/// A mistake in what the user named, with its causes in the message.
fn misnamed<E: std::error::Error + Hint>(error: &E) -> Failure {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let message = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    Failure::Usage { message, hint: error.hint() }
}
