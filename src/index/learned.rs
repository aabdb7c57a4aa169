//! What is learned of a layer's files as they pass, and which of them are taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use super::LayerIndex;
use super::Object;
use super::access::OWN_POINT;
use super::contents;
use super::contents::Found;
use super::extract::Wanted;
use super::extracts;
use super::extracts::Extract;
use super::note;
use super::partial::Partial;
use super::spool;
use super::spool::Keeping;
use super::stream::Stream;
use super::taking::Taking;
use super::word::Word;
use crate::deflate::Handle;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Node;
use crate::layer::decode::Progress;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::python::Script;
use crate::store;
use crate::store::Store;

/// Which files of a layer are taken into the store as they pass.
pub type Catch<'a> = &'a dyn Fn(&ImagePath) -> bool;

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
pub(super) struct Learning<'a> {
    store: &'a Store,
    catch: Catch<'a>,
    keeping: Keeping,
    handle: Option<Handle>,
    found: BTreeMap<u64, Learned>,
    caught: BTreeMap<u64, Extract>,
    texts: BTreeMap<u64, Vec<u8>>,
    /// Files that have a restart point of their own: offset and size.
    asked: Vec<(u64, u64)>,
    /// Files that a pass before this one has taken.
    extracts: BTreeMap<u64, Extract>,
}

impl<'a> Learning<'a> {
    /// Nothing found yet; symbols will be kept in `store`. Every file is looked at once, so all of it is kept until then.
    pub(super) fn new(store: &'a Store) -> Self {
        let (found, caught, texts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (asked, extracts) = (Vec::new(), BTreeMap::new());
        let (keeping, handle) = (Keeping::Whole, None);
        Self { store, catch: &|_| false, keeping, handle, found, caught, texts, asked, extracts }
    }

    /// As [`Learning::new`], of a layer whose decoder has the `handle`; files that `catch` names are taken.
    pub(super) fn on(store: &'a Store, catch: Catch<'a>, keeping: Keeping, handle: Option<&Handle>) -> Self {
        Self { catch, keeping, handle: handle.cloned(), ..Self::new(store) }
    }

    /// With what a pass before this one has learned and taken.
    pub(super) fn after(
        self,
        found: BTreeMap<u64, Learned>,
        texts: BTreeMap<u64, Vec<u8>>,
        extracts: BTreeMap<u64, Extract>,
    ) -> Self {
        Self { found, texts, extracts, ..self }
    }

    /// Small texts that builds ask for, by offset.
    pub(super) const fn texts(&self) -> &BTreeMap<u64, Vec<u8>> {
        &self.texts
    }

    /// Looks at one entry, whose bytes are in `file`.
    pub(super) fn visit(&mut self, path: &ImagePath, entry: &Entry, file: &mut dyn Read) -> io::Result<()> {
        let Node::File(Content::InLayer { offset, size }) = entry.node else {
            return Ok(());
        };
        if let Some(handle) = self.handle.as_ref().filter(|_| size >= OWN_POINT) {
            handle.mark(offset);
            // The first of them is for small files before it, which have no ends of their own.
            handle.end(offset);
            handle.end(offset + size);
            self.asked.push((offset, size));
        }
        if !(self.catch)(path) {
            return self.look(path, (offset, size), file);
        }
        let begun = Taking::begin(self.store, self.handle.as_ref(), offset, &Wanted::new(size, None));
        let mut taking = begun.map_err(io::Error::other)?;
        spool::copy(file, size, &mut taking)?;
        let taken = taking.finish()?;
        let mut kept = self.store.file(&taken.digest).map_err(io::Error::other)?;
        self.look_at_kept(path, (offset, size), taken.digest, &mut kept)?;
        self.caught.insert(offset, taken);
        Ok(())
    }

    /// Looks at a file that is in the store, whose hash is known.
    fn look_at_kept(
        &mut self,
        path: &ImagePath,
        (offset, size): (u64, u64),
        digest: Digest,
        file: &mut File,
    ) -> io::Result<()> {
        if contents::is_record(path, size) {
            return self.look(path, (offset, size), file);
        }
        let found = contents::of_file(path, file, digest, size)?;
        self.learn(offset, found)
    }

    fn look(&mut self, path: &ImagePath, (offset, size): (u64, u64), file: &mut dyn Read) -> io::Result<()> {
        let (temporary, keeping) = (self.store.temporary(), self.keeping);
        let found = if contents::is_record(path, size) {
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            let found = contents::look(path, size, &mut text.as_slice(), (keeping, &temporary))?;
            self.texts.insert(offset, text);
            found
        } else {
            contents::look(path, size, file, (keeping, &temporary))?
        };
        self.learn(offset, found)
    }

    fn learn(&mut self, offset: u64, found: Found) -> io::Result<()> {
        let learned = match found {
            Found::Nothing => Learned::Nothing,
            Found::Elf(object, parts) => {
                let saved = note::save_parts(self.store, &object.digest, (&parts.0, &parts.1), Word::Own);
                saved.map_err(io::Error::other)?;
                Learned::Elf(object)
            }
            Found::Text(bytes) => Learned::Text(bytes),
            Found::Script(script) => Learned::Script(script),
        };
        self.know(offset, learned);
        Ok(())
    }

    /// Remembers which files were taken, now that the layer has proved to be what it should.
    pub(super) fn keep_caught(&mut self, layer: &Digest) -> Result<(), store::Error> {
        self.extracts.append(&mut self.caught);
        extracts::remember(self.store, layer, &self.extracts, Word::Own)
    }

    /// Leaves what was learned before the stream failed. That it cannot be kept changes nothing of the failure.
    pub(super) fn leave(mut self, layer: &Digest, stream: &Stream<'_>, progress: Progress) {
        let end = progress.position;
        let Some(halt) = stream.halt(end, &self.asked) else { return };
        self.found.retain(|offset, _| *offset < end);
        self.texts.retain(|offset, _| *offset < end);
        let gzip = self.handle.is_some();
        // A file whose blocks are not all there would be compressed anew, which gives other bytes.
        let whole = |file: &Extract| !gzip || file.size < extracts::SPLICED || file.blocks.is_some();
        let caught = std::mem::take(&mut self.caught).into_iter();
        self.extracts.extend(caught.filter(|(offset, file)| *offset < end && whole(file)));
        let partial = Partial::new(halt, progress, self.found, self.texts, self.extracts);
        drop(note::save_partial(self.store, layer, &partial));
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
        LayerIndex { changeset, objects, kept, scripts, diff_id, uncompressed_size, word: Word::Own }
    }
}
