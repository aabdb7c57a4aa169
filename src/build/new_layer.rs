//! The layer that a recipe adds. Files that are not in the store yet go into it while they come: receiving, inflating,
//! hashing and putting together go on at once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::build::Cleared;
use crate::build::Error;
use crate::build::World;
use crate::build::blob;
use crate::build::blob::Bringers;
use crate::build::contents;
use crate::build::early::Earlies;
use crate::build::fetch;
use crate::build::remembered;
use crate::index;
use crate::index::Arrivals;
use crate::layer::Changeset;
use crate::oci::Descriptor;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::store::Damage;

/// Files of fewer bytes in all are made so soon that nothing is won by asking more of a registry.
const EARLY: u64 = 1 << 20;

/// The layer that a recipe adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLayer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// Length of its tar in bytes.
    pub tar_size: u64,
    /// How many entries it has, parents included.
    pub entries: usize,
}

/// The layer that holds `changes`: the one that an earlier run made of the same files, if all are in the store, else a new
/// one. Damage in the cache is mended once, by taking what is gone out of its layer again.
///
/// # Errors
/// When a file cannot be had, or the store cannot take the layer.
pub(super) fn obtain(
    changes: &Changeset,
    cleared: &Cleared,
    (provenance, earlies): (&BTreeMap<String, String>, &mut Earlies<'_>),
    world: &World<'_>,
) -> Result<NewLayer, Error> {
    let fetched = cleared.fetched();
    let family = fetched.locked.base.image.manifest.family;
    let none = Arrivals::default();
    let wanted = fetch::stored(changes);
    let missing = contents::missing(fetched, &wanted, world);
    let bringers = || bringers(&wanted, cleared, world);
    let begin = |earlies: &mut Earlies<'_>| {
        if blob::size(changes) >= EARLY {
            earlies.begin(&fetched.locked, provenance, world);
        }
    };
    let first = if missing.is_empty() {
        let bringers = bringers();
        if let Some(made) = remembered::recall(changes, &bringers, family, world) {
            return Ok(made);
        }
        begin(earlies);
        blob::write(changes, (&bringers, &none), (family, earlies), world)
    } else {
        arriving(changes, (&wanted, &missing), cleared, (earlies, &begin), world)?
    };
    let made = match first {
        Err(error) if Damage::is_cause(&error) => {
            earlies.give_up();
            contents::take(fetched, &wanted, &none, world)?;
            blob::write(changes, (&bringers(), &none), (family, earlies), world)?
        }
        outcome => outcome?,
    };
    remembered::keep(changes, &bringers(), &made, world)?;
    Ok(made)
}

/// Writes the layer while files of it come.
///
/// # Errors
/// They cannot be had. That the layer could not be written is the answer; a file that could not be followed all the way
/// is [`Damage::Gone`] there, and in the store by then.
fn arriving(
    changes: &Changeset,
    (wanted, missing): (&BTreeSet<Digest>, &BTreeSet<Digest>),
    cleared: &Cleared,
    (earlies, begin): (&mut Earlies<'_>, &dyn Fn(&mut Earlies<'_>)),
    world: &World<'_>,
) -> Result<Result<NewLayer, Error>, Error> {
    let fetched = cleared.fetched();
    let bringers = bringers(wanted, cleared, world);
    let awaited = sources(wanted, cleared).into_iter();
    let awaited = awaited.filter(|(digest, _)| missing.contains(digest) && !bringers.contains_key(digest));
    let arrivals = Arrivals::new(awaited.map(|(digest, (layer, at, _))| (digest, (layer, at))).collect());
    let family = fetched.locked.base.image.manifest.family;
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| {
            let _closing = Closing(&arrivals);
            contents::take(fetched, missing, &arrivals, world)
        });
        // The files are under way while a registry is asked.
        begin(earlies);
        let written = blob::write(changes, (&bringers, &arrivals), (family, earlies), world);
        taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(written)
    })
}

/// Says at its end that no more files come, however that end is reached.
struct Closing<'a>(&'a Arrivals);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Where grafted files are taken from, by digest: the layer, the offset in its tar, and their size. Of a file that is
/// grafted several times, the first graft says.
fn sources(wanted: &BTreeSet<Digest>, cleared: &Cleared) -> BTreeMap<Digest, (Digest, u64, u64)> {
    let locked = &cleared.fetched().locked;
    let grafts = cleared.edited().grafts.iter().rev().filter(|graft| wanted.contains(&graft.digest));
    let sources = grafts.filter_map(|graft| {
        let layer = locked.donors.get(&graft.from)?.image.manifest.layers.get(graft.place.layer)?;
        Some((graft.digest, (layer.digest, graft.place.offset, graft.place.size)))
    });
    sources.collect()
}

/// Grafted files that are in the store and bring their deflate blocks.
fn bringers(wanted: &BTreeSet<Digest>, cleared: &Cleared, world: &World<'_>) -> Bringers {
    let recalled = sources(wanted, cleared).into_iter().filter_map(|(digest, (layer, offset, size))| {
        Some((digest, index::recall_known(world.store, &layer, offset, size, &digest)?))
    });
    recalled.collect()
}
