//! Recipe → Locked: every reference is a digest.

use std::collections::BTreeMap;

use crate::build::Error;
use crate::build::World;
use crate::build::origin::Origin;
use crate::recipe::Recipe;

/// A recipe whose images are resolved. Only documents were read.
pub struct Locked {
    /// The recipe.
    pub recipe: Recipe,
    /// The base.
    pub base: Origin,
    /// The donors, by the recipe's names.
    pub donors: BTreeMap<String, Origin>,
}

/// Resolves every image of a recipe.
///
/// # Errors
/// The first image that cannot be had.
pub fn resolve(recipe: Recipe, world: &World<'_>) -> Result<Locked, Error> {
    let base = Origin::resolve(world, &recipe.base.reference, &recipe.base.platform)?;
    let donors = recipe.sources.iter().map(|(name, image)| {
        Origin::resolve(world, &image.reference, &image.platform).map(|origin| (name.clone(), origin))
    });
    let donors = donors.collect::<Result<_, _>>()?;
    Ok(Locked { recipe, base, donors })
}
