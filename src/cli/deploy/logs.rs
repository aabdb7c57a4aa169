//! `deploy logs`.

use std::io;
use std::io::Write;

use crate::cli::args::DeployLogs;
use crate::cli::deploy::place;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::deploy::cluster::Wanted;
use crate::report::human::escape;

/// Prints what the containers print, each line with its pod.
///
/// # Errors
/// When there is no pod, or the cluster does not give its lines.
pub(super) fn logs(args: &DeployLogs) -> Result<Outcome, Failure> {
    let (cluster, name) = place::find(&args.deployment, &args.cluster)?;
    let wanted =
        Wanted { part: args.pod.clone(), tail: args.tail, follow: args.follow, previous: args.previous };
    let mut written = Ok(());
    let mut take = |pod: &str, line: &str| {
        written = writeln!(io::stdout().lock(), "{}: {}", escape(pod), escape(line));
        written.is_ok()
    };
    cluster.logs(&name, &wanted, &mut take)?;
    written?;
    Ok(Outcome::Clean)
}
