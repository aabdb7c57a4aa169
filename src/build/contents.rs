//! Getting the bytes that the steps need: files out of layers into the store, texts into memory.
//!
//! Files of which an index knows digest and facts are not needed before a layer is made of them: who only audits, or is
//! refused, fetches none, nor does who has the same file already.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;

use crate::build::Error;
use crate::build::Fetched;
use crate::build::Locked;
use crate::build::World;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::edit::Contents;
use crate::edit::Decided;
use crate::edit::Place;
use crate::edit::What;
use crate::index;
use crate::index::Arrivals;
use crate::index::Wanted;
use crate::index::Word;
use crate::index::side_by_side;
use crate::oci::Descriptor;
use crate::oci::Digest;

/// The largest file that is read as text: patched files and RECORDs are far smaller.
const MAX_TEXT: u64 = 64 << 20;

/// Gathers everything that the decisions want, but the ELF files that an index knows: of them only the digest.
///
/// # Errors
/// When a layer or a file of this machine cannot be read.
pub fn gather(
    decided: &Decided,
    locked: &Locked,
    base: &Tree,
    donors: &BTreeMap<String, Tree>,
    world: &World<'_>,
) -> Result<Contents, Error> {
    let (wants, mut contents) = (decided.wants(), Contents::default());
    for (name, places) in &wants.donors {
        let (Some(origin), Some(tree)) = (locked.donors.get(name), donors.get(name)) else {
            continue;
        };
        let known = known(tree, pins(decided, locked, name));
        let mut found = judged(tree, &known, places);
        let now = places.iter().filter(|place| !found.contains_key(place)).copied().collect();
        found.extend(copy_out((origin, tree), &known, &now, &Arrivals::default(), world)?);
        contents.donors.extend(found.into_iter().map(|(place, digest)| ((name.clone(), place), digest)));
    }
    if let Some(place) = wants.texts.iter().find(|place| place.size > MAX_TEXT) {
        return Err(Error::TooLarge { size: place.size });
    }
    let known = known(base, Known::new());
    contents.digests =
        wants.digests.iter().filter_map(|at| Some((*at, known.get(&(at.layer, at.offset))?.0))).collect();
    contents.texts = kept_texts(&locked.base, base, &wants.texts, world);
    let texts = wants.texts.iter().filter(|place| !contents.texts.contains_key(place));
    let digests = wants.digests.iter().filter(|place| !contents.digests.contains_key(place));
    let of_base: BTreeSet<Place> = texts.chain(digests).copied().collect();
    contents.digests.extend(copy_out((&locked.base, base), &known, &of_base, &Arrivals::default(), world)?);
    for place in &wants.texts {
        if let (Some(digest), false) = (contents.digests.get(place), contents.texts.contains_key(place)) {
            contents.texts.insert(*place, read_text(world, digest)?);
        }
    }
    for path in &wants.hosts {
        let bytes = std::fs::read(path).map_err(|source| Error::Host { path: path.clone(), source })?;
        contents.hosts.insert(path.clone(), bytes);
    }
    Ok(contents)
}

/// Takes those files of donors into the store that `wanted` has among its digests. Who waits for one of `arrivals` can
/// follow it.
///
/// # Errors
/// When a layer cannot be read, or does not have the files.
pub(super) fn take(
    fetched: &Fetched,
    wanted: &BTreeSet<Digest>,
    arrivals: &Arrivals,
    world: &World<'_>,
) -> Result<(), Error> {
    let (decided, locked) = (&fetched.decided, &fetched.locked);
    for (name, origin) in &locked.donors {
        let Some(tree) = fetched.donors.get(name) else { continue };
        let places = places(fetched, name, wanted);
        let known = known(tree, pins(decided, locked, name));
        copy_out((origin, tree), &known, &places, arrivals, world)?;
    }
    Ok(())
}

/// Those of `wanted` that are files of donors and not in the store.
pub(super) fn missing(fetched: &Fetched, wanted: &BTreeSet<Digest>, world: &World<'_>) -> BTreeSet<Digest> {
    let layers = |name: &String| Some(&fetched.locked.donors.get(name)?.image.manifest.layers);
    let mut missing = BTreeSet::new();
    for ((name, place), digest) in &fetched.contents.donors {
        let layer = layers(name).and_then(|layers| layers.get(place.layer));
        let known = |layer: &Descriptor| {
            index::recall_known(world.store, &layer.digest, place.offset, place.size, digest).is_some()
        };
        if wanted.contains(digest) && !layer.is_some_and(known) {
            missing.insert(*digest);
        }
    }
    missing
}

/// Where a donor has files with these digests.
fn places(fetched: &Fetched, donor: &str, wanted: &BTreeSet<Digest>) -> BTreeSet<Place> {
    let files = fetched.contents.donors.iter();
    let own = files.filter(|((from, _), digest)| from == donor && wanted.contains(digest));
    own.map(|((_, place), _)| *place).collect()
}

/// The files whose digest and facts are known by the same index.
fn judged(tree: &Tree, known: &Known, places: &BTreeSet<Place>) -> BTreeMap<Place, Digest> {
    let layers: BTreeMap<usize, _> =
        tree.indexes.iter().map(|(number, index)| (*number, index.objects_by_offset())).collect();
    let digest = |place: &Place| {
        let object = layers.get(&place.layer)?.get(&place.offset)?;
        let (digest, _) = known.get(&(place.layer, place.offset))?;
        (object.size == place.size && object.digest == *digest).then_some(*digest)
    };
    places.iter().filter_map(|place| Some((*place, digest(place)?))).collect()
}

/// Texts that indexing has kept, such as RECORDs.
fn kept_texts(
    origin: &Origin,
    tree: &Tree,
    places: &BTreeSet<Place>,
    world: &World<'_>,
) -> BTreeMap<Place, Vec<u8>> {
    let layers: BTreeSet<usize> = places.iter().map(|place| place.layer).collect();
    let blobs = origin.image.manifest.layers.iter().enumerate().filter(|(number, _)| layers.contains(number));
    let texts: BTreeMap<usize, BTreeMap<u64, Vec<u8>>> = blobs
        .map(|(number, blob)| (number, index::texts(world.store, &blob.digest, tree.word(number))))
        .collect();
    let found = places.iter().filter_map(|place| {
        let text = texts.get(&place.layer)?.get(&place.offset)?;
        (text.len() as u64 == place.size).then(|| (*place, text.clone()))
    });
    found.collect()
}

/// Digests of files by layer and offset, and whose word they are.
type Known = BTreeMap<(usize, u64), (Digest, Word)>;

/// The digests that a lock file pins of a donor's files. What fits one need not be what the layer has there: whoever wrote
/// the lock file says so.
fn pins(decided: &Decided, locked: &Locked, donor: &str) -> Known {
    let grafts = decided.entries.values().filter_map(|decision| match &decision.what {
        What::Graft { from, path, place } if from == donor => {
            let digest = locked.pins.get(&(from.clone(), path.to_string()))?;
            Some(((place.layer, place.offset), (*digest, Word::Lent)))
        }
        _ => None,
    });
    grafts.collect()
}

/// The digests of files that are known before they are read: those that indexing has hashed, else pinned ones.
fn known(tree: &Tree, mut pins: Known) -> Known {
    for (number, index) in &tree.indexes {
        for (offset, digest) in index.objects_by_offset().into_iter().map(|(at, object)| (at, object.digest))
        {
            match pins.get(&(*number, offset)) {
                // Of two strangers the lock file is the one that the result is held against.
                Some(_) if index.word == Word::Lent => {}
                _ => drop(pins.insert((*number, offset), (digest, index.word))),
            }
        }
    }
    pins
}

fn read_text(world: &World<'_>, digest: &Digest) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = world.store.reader(digest)?.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    let path = world.store.blob_path(digest);
    read.map_err(|source| crate::store::Error::Io { action: "read", path, source })?;
    Ok(bytes)
}

/// Copies files out of an image's layers into the store; what is there already is not read.
fn copy_out(
    (origin, tree): (&Origin, &Tree),
    known: &Known,
    places: &BTreeSet<Place>,
    arrivals: &Arrivals,
    world: &World<'_>,
) -> Result<BTreeMap<Place, Digest>, Error> {
    let mut by_layer: BTreeMap<(usize, Word), BTreeMap<u64, Wanted>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for place in places {
        let blob = origin.image.manifest.layers[place.layer].digest;
        let expected = known.get(&(place.layer, place.offset)).copied();
        let recalled = match expected {
            Some((digest, _)) => index::recall_known(world.store, &blob, place.offset, place.size, &digest),
            None => index::recall(world.store, &blob, place.offset, place.size, tree.word(place.layer)),
        };
        match recalled {
            Some(extract) => {
                // Somebody else has brought it meanwhile.
                arrivals
                    .from(&extract.digest, &blob, place.offset)
                    .iter()
                    .for_each(|file| file.end(&extract));
                found.insert(*place, extract.digest);
            }
            None => {
                let digest = expected.map(|(digest, _)| digest);
                let arrival = digest.and_then(|digest| arrivals.from(&digest, &blob, place.offset)).cloned();
                let wanted = Wanted { size: place.size, digest, arrival };
                let word = expected.map_or(tree.word(place.layer), |(_, word)| word);
                by_layer.entry((place.layer, word)).or_default().insert(place.offset, wanted);
            }
        }
    }
    // Whatever a layer holds of the files comes from a place of its own: there is nothing to wait for.
    let layers: Vec<((usize, Word), BTreeMap<u64, Wanted>)> = by_layer.into_iter().collect();
    let taken = side_by_side(&layers, |((layer, word), wanted)| {
        let extracts = origin.extract(world, (*layer, *word), wanted)?;
        let place = |(offset, extract): (u64, index::Extract)| {
            (Place { layer: *layer, offset, size: extract.size }, extract.digest)
        };
        Ok::<_, Error>(extracts.into_iter().map(place).collect())
    })?;
    found.extend(taken);
    Ok(found)
}

/// Copies one file out of an image into the store and returns its digest.
///
/// # Errors
/// When the layer cannot be read.
pub fn copy_one(origin: &Origin, tree: &Tree, place: Place, world: &World<'_>) -> Result<Digest, Error> {
    let known = known(tree, Known::new());
    let found = copy_out((origin, tree), &known, &BTreeSet::from([place]), &Arrivals::default(), world)?;
    found.into_values().next().ok_or(Error::Gone { image: origin.written.clone(), layer: place.layer })
}
