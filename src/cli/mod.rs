//! The command line: the only code that reads the environment, the clock and the terminal, and that prints.

pub mod abi;
pub mod args;
pub mod audit;
pub mod bench;
pub mod build;
pub mod cache;
pub mod closure;
pub mod deploy;
pub mod diff;
pub mod exit;
pub mod explain;
mod heap;
pub mod help;
pub mod image;
pub mod index;
pub mod interrupt;
pub mod judge;
pub mod matrix;
pub mod mend;
pub mod output;
pub mod plan;
pub mod progress;
pub mod reach;
pub mod session;
mod side;
pub mod smoke;
mod stopwatch;
pub mod subject;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::args::Cli;
use crate::cli::args::Command;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::mend::mended;
use crate::cli::session::Session;

/// Parses the command line, does what it says, and tells how it ended.
#[must_use]
pub fn main() -> ExitCode {
    heap::one();
    let cli = Cli::parse();
    interrupt::end_cleanly_on_signals();
    let color = session::color(cli.global.color, std::io::stderr().is_terminal());
    let ended = run(&cli);
    interrupt::wait_for_the_end();
    exit::finish(ended, color)
}

/// Does what tells its result at its end: nothing is told twice when the cache has to be mended on the way.
fn with(cli: &Cli, command: &dyn Fn(&Session) -> Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    let session = Session::open(&cli.global)?;
    mended(&mut || command(&session))
}

fn run(cli: &Cli) -> Result<Outcome, Failure> {
    output::check_format(&cli.command, cli.global.format)?;
    match &cli.command {
        Command::Schema { of } => help::schema(*of),
        Command::Completions { shell } => help::completions(*shell),
        Command::Man { out } => help::man(out.as_deref()),
        Command::Explain(args) => explain::explain(args, cli.global.format),
        Command::Build(args) => build::build(args, &Session::open(&cli.global)?),
        Command::Lock(args) => build::lock(args, &Session::open(&cli.global)?),
        Command::Plan(args) => with(cli, &|session| plan::plan(args, session)),
        Command::Audit(args) => with(cli, &|session| audit::audit(args, session)),
        Command::Deploy(args) => deploy::deploy(args, &cli.global),
        Command::Abi(args) => abi::abi(args, &cli.global),
        Command::Smoke(args) => smoke::smoke(args, &cli.global),
        Command::Bench(args) => bench::bench(args, &cli.global),
        Command::Ls(args) => image::ls(args, &Session::open(&cli.global)?),
        Command::Diff(args) => with(cli, &|session| diff::diff(args, session)),
        Command::Index(args) => with(cli, &|session| index::index(args, session)),
        Command::Cache(args) => cache::cache(args, &cli.global),
        Command::Cat(args) => image::cat(args, &Session::open(&cli.global)?),
        Command::Extract(args) => image::extract(args, &Session::open(&cli.global)?),
    }
}
