//! Views of what must move together.

mod human;
mod json;

pub use human::write;
pub use json::SCHEMA;
pub use json::value;

use crate::abi::closure::Closure;
use crate::abi::closure::Tier;
use crate::finding::RecipeSpot;

/// The answer for one pair of trees.
pub struct Answer {
    /// What files are put into, as the user wrote it.
    pub old: String,
    /// Where they come from.
    pub new: String,
    /// The files that were asked for: paths in the new tree.
    pub seeds: Vec<String>,
    /// The sets.
    pub closure: Closure,
    /// What a recipe would say.
    pub grafts: Vec<Graft>,
}

/// A graft of a recipe, or one that it would need.
pub struct Graft {
    /// Where the recipe has it.
    pub spot: Option<RecipeSpot>,
    /// Its `root`.
    pub root: String,
    /// Its `into`.
    pub into: String,
    /// Its `files`: what it has already first.
    pub files: Vec<String>,
    /// Those of them that are new.
    pub added: Vec<String>,
}

impl Graft {
    /// The line for a recipe.
    #[must_use]
    pub fn line(&self) -> String {
        let quoted: Vec<String> = self.files.iter().map(|file| serde_json::json!(file).to_string()).collect();
        format!("files = [{}]", quoted.join(", "))
    }
}

/// The sets, smallest first, with their names in documents and for people.
const SETS: [(Tier, &str, &str); 3] = [
    (Tier::Load, "needed_to_load", "needed to load"),
    (Tier::Layout, "needed_for_layout", "needed for layout"),
    (Tier::Together, "built_together", "built together"),
];
