//! Layers that were made before: the same changes of the same blocks give the same bytes, so they are not made again.

use serde::Deserialize;
use serde::Serialize;

use crate::build::World;
use crate::build::blob;
use crate::build::blob::Bringers;
use crate::build::new_layer::NewLayer;
use crate::layer::Changeset;
use crate::oci::Compression;
use crate::oci::Descriptor;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::Family;
use crate::store;

/// The kind of notes; the number changes with the meaning of the bytes.
const MADE: &str = "made-1";

#[derive(Serialize, Deserialize)]
struct Made {
    digest: Digest,
    size: u64,
    diff_id: DiffId,
    tar_size: u64,
    entries: usize,
}

/// The layer, when it was made before and the store still has it.
pub(super) fn recall(
    changes: &Changeset,
    bringers: &Bringers,
    family: Family,
    world: &World<'_>,
) -> Option<NewLayer> {
    let note = world.store.load_note(MADE, &name(changes, bringers)?)?;
    let made: Made = postcard::from_bytes(&note).ok()?;
    let media_type = family.layer(Compression::Gzip)?;
    world.store.contains(&made.digest, made.size).then(|| NewLayer {
        descriptor: Descriptor::new(media_type, made.digest, made.size),
        diff_id: made.diff_id,
        tar_size: made.tar_size,
        entries: made.entries,
    })
}

/// Remembers a layer.
///
/// # Errors
/// When the note cannot be written.
pub(super) fn keep(
    changes: &Changeset,
    bringers: &Bringers,
    layer: &NewLayer,
    world: &World<'_>,
) -> Result<(), store::Error> {
    let made = Made {
        digest: layer.descriptor.digest,
        size: layer.descriptor.size,
        diff_id: layer.diff_id,
        tar_size: layer.tar_size,
        entries: layer.entries,
    };
    match (name(changes, bringers), postcard::to_stdvec(&made)) {
        (Some(name), Ok(note)) => world.store.save_note(MADE, &name, &note),
        _ => Ok(()),
    }
}

/// Everything that the bytes of the layer depend on.
fn name(changes: &Changeset, bringers: &Bringers) -> Option<String> {
    let blocks: Vec<(&Digest, Option<&Digest>)> = bringers
        .iter()
        .map(|(file, extract)| (file, extract.blocks.as_ref().map(|blocks| &blocks.digest)))
        .collect();
    let inputs = postcard::to_stdvec(&(blob::FORMAT, changes, blocks)).ok()?;
    Some(Digest::of(&inputs).hex())
}
