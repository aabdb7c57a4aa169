//! `cache`.

use std::io;
use std::num::NonZero;
use std::path::Path;

use crate::cli::args::Cache;
use crate::cli::args::CacheCommand;
use crate::cli::args::CachePrune;
use crate::cli::args::CacheRepair;
use crate::cli::args::Format;
use crate::cli::args::Global;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::progress;
use crate::cli::session;
use crate::report::cache::human;
use crate::report::cache::json;
use crate::store::Keeper;
use crate::store::Store;
use crate::store::prune::Bounds;

/// Does what follows `cache`.
///
/// # Errors
/// When the cache cannot be used, or others do not end in time.
pub fn cache(args: &Cache, global: &Global) -> Result<Outcome, Failure> {
    let root = session::cache_root(global)?;
    match &args.command {
        None | Some(CacheCommand::Show) => show(&root, global.format),
        Some(CacheCommand::Prune(args)) => prune(args, &root, global.format),
        Some(CacheCommand::Repair(args)) => repair(args, &root, global),
    }
}

fn show(root: &Path, format: Format) -> Result<Outcome, Failure> {
    let items = Store::open(root)?.inventory()?;
    let mut out = io::stdout().lock();
    match format {
        Format::Json => json::show(&mut out, root, &items)?,
        _ => human::show(&mut out, root, &items)?,
    }
    Ok(Outcome::Clean)
}

fn prune(args: &CachePrune, root: &Path, format: Format) -> Result<Outcome, Failure> {
    let bounds = Bounds { size: args.size, age: args.age };
    if bounds.size.is_none() && bounds.age.is_none() {
        let hint = "write `imgforge cache prune --size 10G`, `--age 30d`, or both";
        return Err(Failure::usage("nothing says what may stay in the cache", hint));
    }
    let pruned = match args.dry_run {
        true => Store::open(root)?.would_prune(&bounds)?,
        false => Keeper::open(root, args.patience.wait)?.prune(&bounds)?,
    };
    let mut out = io::stdout().lock();
    match format {
        Format::Json => json::pruned(&mut out, &pruned, args.dry_run)?,
        _ => human::pruned(&mut out, &pruned, args.dry_run)?,
    }
    Ok(Outcome::Clean)
}

fn repair(args: &CacheRepair, root: &Path, global: &Global) -> Result<Outcome, Failure> {
    let keeper = Keeper::open(root, args.patience.wait)?;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let progress = progress::choose(global.progress, global.quiet);
    let repaired = keeper.repair(threads, progress.as_ref())?;
    let mut out = io::stdout().lock();
    match global.format {
        Format::Json => json::repaired(&mut out, &repaired)?,
        _ => human::repaired(&mut out, &repaired)?,
    }
    Ok(Outcome::Clean)
}
