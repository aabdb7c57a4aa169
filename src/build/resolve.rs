//! Recipe → Locked: every reference is a digest.

use std::collections::BTreeMap;

use crate::build::Error;
use crate::build::World;
use crate::build::origin::Origin;
use crate::oci::Digest;
use crate::recipe::ImageSource;
use crate::recipe::Recipe;

/// A recipe whose images are resolved. Only documents were read.
pub struct Locked {
    /// The recipe.
    pub recipe: Recipe,
    /// The base.
    pub base: Origin,
    /// The donors, by the recipe's names.
    pub donors: BTreeMap<String, Origin>,
    /// Digests of donors' files that a lock file has pinned, by donor and path in it.
    pub pins: BTreeMap<(String, String), Digest>,
}

impl Locked {
    /// The base, and the donors in the order of their names.
    pub fn images(&self) -> impl Iterator<Item = &Origin> {
        std::iter::once(&self.base).chain(self.donors.values())
    }

    /// Lets shared indexes say what is in layers that were not read here.
    #[must_use]
    pub fn borrowing(mut self) -> Self {
        self.base.borrows = true;
        self.donors.values_mut().for_each(|donor| donor.borrows = true);
        self
    }
}

/// Resolves every image of a recipe.
///
/// # Errors
/// The first image that cannot be had.
pub fn resolve(recipe: Recipe, world: &World<'_>) -> Result<Locked, Error> {
    let base = image(&recipe.base, world)?;
    let donors =
        recipe.sources.iter().map(|(name, source)| image(source, world).map(|origin| (name.clone(), origin)));
    let donors = donors.collect::<Result<_, _>>()?;
    Ok(Locked { recipe, base, donors, pins: BTreeMap::new() })
}

/// An image of the recipe, under the name that the recipe gives it: results must not depend on where the recipe is.
fn image(source: &ImageSource, world: &World<'_>) -> Result<Origin, Error> {
    let mut origin = Origin::resolve(world, &source.reference, &source.platform)?;
    origin.written.clone_from(&source.written);
    Ok(origin)
}
