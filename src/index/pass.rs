//! The one full pass over a layer.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::LayerIndex;
use super::Object;
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
use crate::python::Script;
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
    note::load_layer(store, &layer.descriptor.digest).filter(|index| index.diff_id == layer.diff_id)
}

/// What is kept of one file in the index of its layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Learned {
    /// Nothing.
    Nothing,
    /// A small text that others read, or the part of one that they read.
    Text(Vec<u8>),
    /// A Python file that has something to say.
    Script(Script),
    /// An ELF file, whose symbols and traits are in the store.
    Elf(Box<Object>),
}

/// What was found so far, by offset in the tar: a path can come twice.
pub(super) struct Pass<'a> {
    store: &'a Store,
    found: BTreeMap<u64, Learned>,
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
        let learned = match contents::look(path, size, file, &self.store.temporary())? {
            Found::Nothing => Learned::Nothing,
            Found::Elf(object, parts) => {
                let saved = note::save_parts(self.store, &object.digest, &parts.0, &parts.1);
                saved.map_err(io::Error::other)?;
                Learned::Elf(object)
            }
            Found::Text(bytes) => Learned::Text(bytes),
            Found::Script(script) => Learned::Script(script),
        };
        self.know(offset, learned);
        Ok(())
    }

    /// Takes what is known of a file from before.
    pub(super) fn know(&mut self, offset: u64, learned: Learned) {
        self.found.insert(offset, learned);
    }

    /// What was found of a file.
    pub(super) fn found(&self, offset: u64) -> Option<&Learned> {
        self.found.get(&offset)
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
                Some(Learned::Elf(object)) => drop(objects.insert(path.clone(), *object)),
                Some(Learned::Text(bytes)) => drop(kept.insert(path.clone(), bytes)),
                Some(Learned::Script(script)) => drop(scripts.insert(path.clone(), script)),
                Some(Learned::Nothing) | None => {}
            }
        }
        LayerIndex { changeset, objects, kept, scripts, diff_id, uncompressed_size }
    }
}
