//! The one full pass over a layer.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use super::Error;
use super::LayerIndex;
use super::contents;
use super::contents::Found;
use super::note;
use super::stream::Stream;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Node;
use crate::layer::decode;
use crate::oci::DiffId;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::progress::Task;
use crate::store::Store;

/// Opens a layer's blob from its first byte. Called at most once for each pass.
pub type Open<'a, E> = &'a mut dyn FnMut() -> Result<Box<dyn Read + Send>, E>;

/// The index of a layer: from the note in the store, else by reading the whole blob once.
///
/// Memory does not grow with the layer, only with its number of files and the symbols of one ELF file at a
/// time; ELF files over 4 MiB pass through an unnamed temporary file in the store. `task` advances by
/// compressed bytes, by all of them at once when the note is there.
///
/// # Errors
/// The blob cannot be had, is not what the image's documents promise (digest, size, `diff_id`), or is no tar.
pub fn obtain<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: Open<'_, E>,
    task: &dyn Task,
) -> Result<LayerIndex, Error<E>> {
    let digest = layer.descriptor.digest;
    if let Some(index) = known(store, layer) {
        task.advance(layer.descriptor.size);
        return Ok(index);
    }
    let mut stream = Stream::open(layer, open, task)?;
    let mut pass = Pass::new(store);
    let decoded = decode::decode(&mut stream, &mut |path, entry, file| pass.visit(path, entry, file));
    let changeset = decoded.map_err(|source| Error::Decode { layer: digest, source })?;
    let uncompressed_size = stream.finish(layer)?;
    let index = pass.index(changeset, layer.diff_id, uncompressed_size);
    let saved = note::save_layer(store, &digest, &index);
    saved.map_err(|source| Error::Store { layer: digest, source })?;
    Ok(index)
}

/// Whether [`obtain`] would answer without reading the layer.
#[must_use]
pub fn is_known(store: &Store, layer: &Layer) -> bool {
    known(store, layer).is_some()
}

fn known(store: &Store, layer: &Layer) -> Option<LayerIndex> {
    let index = note::load_layer(store, &layer.descriptor.digest)?;
    // An index says what its ELF files are; their symbols are notes of their own, and may be damaged or pruned.
    let whole = index.diff_id == layer.diff_id
        && index.objects.values().all(|object| note::has_parts(store, &object.digest));
    whole.then_some(index)
}

/// What was found so far, by offset in the tar: a path can come twice.
pub(super) struct Pass<'a> {
    store: &'a Store,
    found: BTreeMap<u64, Found>,
}

impl<'a> Pass<'a> {
    /// Nothing found yet; symbols will be kept in `store`.
    pub(super) const fn new(store: &'a Store) -> Self {
        Self { store, found: BTreeMap::new() }
    }

    /// Looks at one entry, whose bytes are in `file`.
    pub(super) fn visit(&mut self, path: &ImagePath, entry: &Entry, file: &mut dyn Read) -> io::Result<()> {
        let Node::File(Content::InLayer { offset, size }) = entry.node else {
            return Ok(());
        };
        match contents::look(path, size, file, &self.store.temporary())? {
            Found::Nothing => {}
            Found::Elf(object, parts) => {
                let saved = note::save_parts(self.store, &object.digest, &parts.0, &parts.1);
                saved.map_err(io::Error::other)?;
                self.found.insert(offset, Found::Elf(object, Box::default()));
            }
            text @ (Found::Text(_) | Found::Script(_)) => {
                self.found.insert(offset, text);
            }
        }
        Ok(())
    }

    /// What was found, by path.
    pub(super) fn index(
        mut self,
        changeset: Changeset,
        diff_id: DiffId,
        uncompressed_size: u64,
    ) -> LayerIndex {
        let (mut objects, mut kept, mut scripts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (path, entry) in &changeset.upserts {
            let Node::File(Content::InLayer { offset, .. }) = entry.node else {
                continue;
            };
            match self.found.remove(&offset) {
                Some(Found::Elf(object, _)) => drop(objects.insert(path.clone(), *object)),
                Some(Found::Text(bytes)) => drop(kept.insert(path.clone(), bytes)),
                Some(Found::Script(script)) => drop(scripts.insert(path.clone(), script)),
                Some(Found::Nothing) | None => {}
            }
        }
        LayerIndex { changeset, objects, kept, scripts, diff_id, uncompressed_size }
    }
}
