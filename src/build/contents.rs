//! Getting the bytes that the steps need: files out of layers into the store, texts into memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;

use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::build::origin::Origin;
use crate::edit::Contents;
use crate::edit::Place;
use crate::edit::Wants;
use crate::index;
use crate::oci::Digest;

/// The largest file that is read as text: patched files and RECORDs are far smaller.
const MAX_TEXT: u64 = 64 << 20;

/// The kind of notes that say which file is at an offset of a layer.
const EXTRACTS: &str = "extracts-1";

/// Gathers everything in `wants`.
///
/// # Errors
/// When a layer or a file of this machine cannot be read.
pub fn gather(wants: &Wants, locked: &Locked, world: &World<'_>) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    for (name, places) in &wants.donors {
        let Some(origin) = locked.donors.get(name) else {
            continue;
        };
        let found = copy_out(origin, places, world)?;
        contents.donors.extend(found.into_iter().map(|(place, digest)| ((name.clone(), place), digest)));
    }
    if let Some(place) = wants.texts.iter().find(|place| place.size > MAX_TEXT) {
        return Err(Error::TooLarge { size: place.size });
    }
    let of_base: BTreeSet<Place> = wants.texts.union(&wants.digests).copied().collect();
    contents.digests = copy_out(&locked.base, &of_base, world)?;
    for place in &wants.texts {
        if let Some(digest) = contents.digests.get(place) {
            contents.texts.insert(*place, read_text(world, digest)?);
        }
    }
    for path in &wants.hosts {
        let bytes = std::fs::read(path).map_err(|source| Error::Host { path: path.clone(), source })?;
        contents.hosts.insert(path.clone(), bytes);
    }
    Ok(contents)
}

fn read_text(world: &World<'_>, digest: &Digest) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = world.store.reader(digest)?.take(MAX_TEXT + 1).read_to_end(&mut bytes);
    let path = world.store.blob_path(digest);
    read.map_err(|source| crate::store::Error::Io { action: "read", path, source })?;
    Ok(bytes)
}

/// Copies files out of an image's layers into the store; layers that were asked the same before are not read.
fn copy_out(
    origin: &Origin,
    places: &BTreeSet<Place>,
    world: &World<'_>,
) -> Result<BTreeMap<Place, Digest>, Error> {
    let mut by_layer: BTreeMap<usize, BTreeMap<u64, u64>> = BTreeMap::new();
    for place in places {
        by_layer.entry(place.layer).or_default().insert(place.offset, place.size);
    }
    let mut found = BTreeMap::new();
    for (number, mut wanted) in by_layer {
        let layer = origin.image.layers().swap_remove(number);
        let blob = layer.descriptor.digest;
        for (offset, size) in wanted.clone() {
            if let Some(digest) = recall(world, &blob, offset, size) {
                wanted.remove(&offset);
                found.insert(Place { layer: number, offset, size }, digest);
            }
        }
        if wanted.is_empty() {
            continue;
        }
        let mut open = || origin.open_layer(world, number);
        let copied = origin
            .once_more(world, number, &mut || index::copy_out(world.store, &layer, &mut open, &wanted))?;
        for (offset, (digest, size)) in copied {
            world.store.save_note(EXTRACTS, &note_name(&blob, offset), digest.raw())?;
            found.insert(Place { layer: number, offset, size }, digest);
        }
    }
    Ok(found)
}

/// The file at this offset of a layer, when an earlier run took it out and the store still has it.
fn recall(world: &World<'_>, blob: &Digest, offset: u64, size: u64) -> Option<Digest> {
    // A note outlives its blob when the cache is pruned: then the file is taken out again.
    known_digest(world, blob, offset).filter(|digest| world.store.relies_on(digest, size))
}

/// The digest of the file at this offset of a layer, when an earlier run took it out.
pub(super) fn known_digest(world: &World<'_>, blob: &Digest, offset: u64) -> Option<Digest> {
    let note = world.store.load_note(EXTRACTS, &note_name(blob, offset))?;
    Some(Digest::from_raw(note.try_into().ok()?))
}

fn note_name(blob: &Digest, offset: u64) -> String {
    format!("{}-{offset}", blob.hex())
}

/// Copies one file out of an image into the store and returns its digest.
///
/// # Errors
/// When the layer cannot be read.
pub fn copy_one(origin: &Origin, place: Place, world: &World<'_>) -> Result<Digest, Error> {
    let found = copy_out(origin, &BTreeSet::from([place]), world)?;
    found.into_values().next().ok_or(Error::Gone { image: origin.written.clone(), layer: place.layer })
}
