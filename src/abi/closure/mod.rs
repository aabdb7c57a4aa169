//! What must move together: which files of a new build have to come along when some of them do.
//!
//! Three nested sets, each the smallest that closes under its rule. *Needed to load* (`load.rs`): every
//! reference that the loader resolved in its own build resolves in the mixture too, asked of the model of ld.so
//! over the whole tree. *Needed for layout* (`layout.rs`): no class has two shapes among the files that mention
//! it. *Built together* (`together.rs`): files of one build that exchange C++ symbols, or that one of them opens
//! at run time. Does not know where the trees come from.

mod error;
mod fault;
mod grafts;
mod layout;
mod load;
mod mixture;
mod moves;
mod pairs;
mod reason;
mod scripts;
mod seeds;
mod shape;
mod side;
mod together;
mod wheels;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub use error::Error;
pub use grafts::Bring;
pub use moves::Moved;
pub use moves::Tier;
pub use pairs::Counts;
pub use pairs::same;
pub use reason::Kind;
pub use reason::Reason;
pub use scripts::Caller;
pub use seeds::find;
pub use wheels::Wheel;
pub use wheels::Wheels;

use crate::loader::Loader;
use crate::loader::View;
use crate::oci::ImagePath;

/// What is asked.
pub struct Request<'a> {
    /// The tree that files are put into.
    pub old: View<'a>,
    /// The tree that they come from.
    pub new: View<'a>,
    /// The files that move in any case: paths in `new`.
    pub seeds: &'a BTreeSet<ImagePath>,
    /// Directories that stand for each other: in `old`, and in `new`. The deepest that fits counts; a path below
    /// none of them stays as it is.
    pub places: &'a [(ImagePath, ImagePath)],
    /// Whether only files below `places` may move.
    pub confined: bool,
    /// Libraries that the host brings, besides the driver's.
    pub host: &'a [String],
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Closure {
    /// What moves: by path in the old tree.
    pub moves: BTreeMap<ImagePath, Moved>,
    /// Python that calls an operator as only the old build of a library that moves has it.
    pub callers: Vec<Caller>,
    /// What stays broken whatever moves.
    pub unsettled: Vec<Reason>,
    /// How the trees compare.
    pub counts: Counts,
    /// The wheel that the seeds belong to, where the old tree has its RECORD: nothing else is built with them.
    pub wheel: Option<String>,
}

impl Closure {
    /// Files that move for the sake of `tier` or a smaller one.
    pub fn within(&self, tier: Tier) -> impl Iterator<Item = (&ImagePath, &Moved)> {
        self.moves.iter().filter(move |(_, moved)| moved.tier <= tier)
    }
}

/// Works the three sets out.
///
/// # Errors
/// A seed that is no ELF file of the new tree, or a file's facts that cannot be had.
pub fn closure(request: &Request<'_>) -> Result<Closure, Error> {
    let old = Loader::new(request.old, request.host)?;
    let new = Loader::new(request.new, request.host)?;
    let pairs = pairs::Pairs::new(&old, &new, request.places, request.confined);
    let mut load = load::Load::new(&old, &new, &pairs, request.host);
    load.seed(request.seeds)?;
    load.settle(Tier::Load)?;
    load.reduce()?;
    layout::extend(&mut load)?;
    let wheel = together::extend(&mut load)?;
    let callers = scripts::callers(&load)?;
    let load::Load { moves, unsettled, .. } = load;
    Ok(Closure { moves: moves.into_inner(), callers, unsettled, counts: pairs.counts(&old, &new), wheel })
}
