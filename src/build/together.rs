//! Locked → what must move together with what the recipe grafts.

use std::collections::BTreeSet;

use crate::abi::closure;
use crate::abi::closure::Closure;
use crate::abi::closure::Request;
use crate::build::Error;
use crate::build::Locked;
use crate::build::Looked;
use crate::build::World;
use crate::build::fetch::grafts_from;
use crate::edit;
use crate::loader::Catalogue;
use crate::oci::ImagePath;
use crate::recipe::Graft;

/// The answer for one donor.
pub struct Found {
    /// Its name in the recipe.
    pub donor: String,
    /// The ELF files that the recipe takes: paths in the donor.
    pub seeds: BTreeSet<ImagePath>,
    /// The recipe's grafts from it, and what each takes below its root.
    pub grafts: Vec<(Graft, BTreeSet<String>)>,
    /// The sets.
    pub closure: Closure,
}

/// Works out, for each donor that libraries are taken from, what must come with them. Reads both images whole.
///
/// # Errors
/// When an image cannot be had, or a graft cannot be done.
pub fn together(locked: &Locked, world: &World<'_>) -> Result<Vec<Found>, Error> {
    let base = Looked::image(&locked.base, world)?;
    let mut all = Vec::new();
    for (name, origin) in &locked.donors {
        let donor = Looked::image(origin, world)?;
        let libraries = Catalogue::of(donor.view());
        let mut seeds = BTreeSet::new();
        let mut grafts = Vec::new();
        for graft in grafts_from(&locked.recipe, name) {
            let selected = edit::graft::select(graft, donor.rootfs())?;
            let taken = selected.iter().map(|one| String::from_utf8_lossy(&one.relative).into_owned());
            let taken = taken.collect();
            let files = selected
                .into_iter()
                .filter_map(|one| donor.rootfs().resolve(&one.path).ok().map(|found| found.path));
            seeds.extend(files.filter(|path| libraries.get(path).is_some()));
            grafts.push((graft.clone(), taken));
        }
        if seeds.is_empty() {
            continue;
        }
        let places: Vec<_> =
            grafts.iter().map(|(graft, _)| (graft.into.clone(), graft.root.clone())).collect();
        let request = Request {
            old: base.view(),
            new: donor.view(),
            seeds: &seeds,
            places: &places,
            confined: true,
            host: &locked.recipe.audit.host_libraries,
        };
        let closure = closure::closure(&request)?;
        all.push(Found { donor: name.clone(), seeds, grafts, closure });
    }
    Ok(all)
}
