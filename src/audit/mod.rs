//! Whether an image would load and run, decided on facts. Nothing of it is executed.
//!
//! Every check is a record ([`Check`]) with a pure function, one file each below `checks/`. All run twice,
//! over the tree before and the tree after a build: what only the second has is *introduced*. In scope are
//! the ELF files that changed and those that need them, directly or not; each is judged in the company it
//! has when it runs (`loader`). Knows nothing of how findings are shown or of what stops a build.

mod affected;
mod alike;
mod allow;
mod baseline;
mod case;
mod changed;
mod checks;
mod context;
mod crossings;
mod endings;
mod error;
mod family;
mod home;
mod left;
mod level;
mod mangled;
mod mixed;
mod nearest;
mod nixl;
mod operators;
mod other_release;
mod policy;
mod readers;
mod run;
mod scope;
mod shapes;
mod twins;
mod unbound;

use std::collections::BTreeMap;

pub use allow::ALLOW_UNUSED;
pub use baseline::BASELINE_UNUSED;
pub use baseline::check_baseline;
pub use case::Case;
pub use context::CONTEXT_UNFIT;
pub use context::companies;
pub use error::Error;
pub use level::choose;
pub use policy::Policy;
pub use run::Findings;
pub use run::ask;
pub use run::run;

use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::recipe::AuditOptions;

/// A question asked of every image.
pub struct Check {
    /// Name in findings, in `allow` and on the command line.
    pub id: &'static str,
    /// What a finding says, in one line.
    pub summary: &'static str,
    /// The worst that it reports.
    pub severity: Severity,
    /// What it looks at, why it matters and what to do: for `imgforge explain`.
    pub explain: &'static str,
    /// What it says of its fixture: `expected.txt` of its folder.
    pub example: &'static str,
    /// Adds findings for one tree.
    pub(super) run: fn(&Case<'_>, &mut Findings) -> Result<(), ObjectError>,
}

/// What is audited.
pub struct Subject<'a> {
    /// The tree that the build starts from.
    pub before: View<'a>,
    /// The tree that it makes.
    pub after: View<'a>,
    /// Every path that the build adds, replaces or removes, with the recipe line that does it.
    pub changed: &'a BTreeMap<ImagePath, RecipeSpot>,
    /// The images that files come from.
    pub donors: &'a [Donor<'a>],
    /// What the steps themselves had to say: it can be allowed like everything else.
    pub noted: &'a [Finding],
    /// `[audit]` of the recipe.
    pub options: &'a AuditOptions,
}

/// An image that files were taken from.
pub struct Donor<'a> {
    /// Its name in the recipe.
    pub name: &'a str,
    /// Its tree.
    pub view: View<'a>,
    /// Whether all layers of the tree are known: only then does the absence of a file say something.
    pub complete: bool,
    /// Files taken: path in the image that is built, to path in the donor.
    pub moved: BTreeMap<ImagePath, ImagePath>,
    /// Directories that grafts map: in the donor, and in the image that is built.
    pub roots: Vec<(ImagePath, ImagePath)>,
}

/// Every check, sorted by id.
pub fn all() -> impl Iterator<Item = &'static Check> {
    checks::ALL.iter().copied()
}

/// The check with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Check> {
    checks::ALL.iter().find(|check| check.id == id).copied()
}
