//! The one full pass over a layer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::LayerIndex;
use super::Object;
use super::access::OWN_POINT;
use super::contents;
use super::contents::Found;
use super::extracts;
use super::extracts::Extract;
use super::note;
use super::partial::Halt;
use super::partial::Partial;
use super::spool;
use super::stream::Stream;
use super::taking;
use super::taking::Taken;
use super::taking::Taking;
use crate::deflate::Handle;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Node;
use crate::layer::decode;
use crate::layer::decode::Progress;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::progress::Task;
use crate::python::Script;
use crate::store;
use crate::store::Store;

/// Opens a layer's blob from its first byte. Called at most once for each pass.
pub type Open<'a, E> = &'a mut dyn FnMut() -> Result<Box<dyn Read + Send>, E>;

/// Opens a layer's blob from an offset on. Called at most twice.
pub type OpenAt<'a, E> = &'a mut dyn FnMut(u64) -> Result<Box<dyn Read + Send>, E>;

/// Which files of a layer are taken into the store as they pass.
pub type Catch<'a> = &'a dyn Fn(&ImagePath) -> bool;

/// The index of a layer: from the note in the store, else by reading the whole blob once.
///
/// Memory does not grow with the layer, only with its number of files and the symbols of one ELF file at a
/// time; big ELF files pass through an unnamed temporary file in the store. `task` advances by
/// compressed bytes, by all of them at once when the note is there. Files that `catch` names are taken into the
/// store on the way ([`recall`](super::recall) then has them), unless the note is there.
///
/// # Errors
/// The blob cannot be had, is not what the image's documents promise (digest, size, `diff_id`), or is no tar.
pub fn obtain<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: Open<'_, E>,
    catch: Catch<'_>,
    task: &dyn Task,
) -> Result<LayerIndex, Error<E>> {
    if let Some(index) = known(store, layer) {
        task.advance(layer.descriptor.size);
        return Ok(index);
    }
    let stream = Stream::open(layer, open, task)?;
    let pass = Pass { catch, handle: stream.handle().cloned(), ..Pass::new(store) };
    run(store, layer, stream, pass, Progress::default())
}

/// As [`obtain`], and goes on where a pass that was cut off has stopped; `open` opens the blob from an offset on. What is
/// wrong with the rest makes the whole be read.
///
/// # Errors
/// As [`obtain`].
pub fn obtain_on<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: OpenAt<'_, E>,
    catch: Catch<'_>,
    task: &dyn Task,
) -> Result<LayerIndex, Error<E>> {
    let digest = layer.descriptor.digest;
    let partial = if is_known(store, layer) { None } else { note::load_partial(store, &digest) };
    if let Some((partial, halt)) = partial.and_then(|partial| partial.halt().map(|halt| (partial, halt))) {
        match resume(store, layer, (partial, halt), open, catch, task) {
            Err(error) if is_wrong(&error) => note::forget_partial(store, &digest),
            outcome => return outcome,
        }
    }
    obtain(store, layer, &mut || open(0), catch, task)
}

/// The rest of a pass that was cut off.
fn resume<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    (partial, halt): (Partial, Halt),
    open: OpenAt<'_, E>,
    catch: Catch<'_>,
    task: &dyn Task,
) -> Result<LayerIndex, Error<E>> {
    let digest = layer.descriptor.digest;
    let inner = open(halt.from()).map_err(|source| Error::Open { layer: digest, source })?;
    let stream = Stream::resume(layer, inner, halt, task);
    let stream = stream.map_err(|source| Error::Read { layer: digest, source })?;
    let Partial { progress, found, texts, extracts, .. } = partial;
    let handle = stream.handle().cloned();
    let pass = Pass { catch, handle, found, texts, extracts, ..Pass::new(store) };
    run(store, layer, stream, pass, progress)
}

/// The pass from where the stream stands to its end.
fn run<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    mut stream: Stream<'_>,
    mut pass: Pass<'_>,
    mut progress: Progress,
) -> Result<LayerIndex, Error<E>> {
    let digest = layer.descriptor.digest;
    let visit = &mut |path: &ImagePath, entry: &Entry, file: &mut dyn Read| pass.visit(path, entry, file);
    let decoded = decode::decode_on(&mut stream, &mut progress, visit);
    if let Err(source) = decoded {
        if is_cut(&source) {
            pass.leave(&digest, &stream, progress);
        }
        return Err(Error::Decode { layer: digest, source });
    }
    let changeset = progress.changes;
    let whole = stream.finish(layer)?;
    note::forget_partial(store, &digest);
    let kept = |source| Error::Store { layer: digest, source };
    pass.keep_caught(&digest).map_err(kept)?;
    note::save_texts(store, &digest, &pass.texts).map_err(kept)?;
    let index = pass.index(changeset, layer.diff_id, whole.uncompressed_size);
    note::save_access(store, &digest, &whole.access).map_err(kept)?;
    note::save_layer(store, &digest, &index).map_err(kept)?;
    note::mark_own(store, &digest);
    Ok(index)
}

/// Whether the bytes stopped coming, and were not wrong.
fn is_cut(error: &decode::Error) -> bool {
    matches!(error, decode::Error::Read { source, .. } if !is_damage(source))
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Whether the bytes were read and are wrong: then what a pass before this one has left may be to blame.
fn is_wrong<E: std::error::Error>(error: &Error<E>) -> bool {
    match error {
        Error::Mismatch { .. } => true,
        Error::Decode { source: decode::Error::Visit { .. }, .. } => false,
        Error::Decode { source, .. } => !is_cut(source),
        Error::Read { source, .. } => is_damage(source),
        Error::Open { .. } | Error::MediaType { .. } | Error::Store { .. } => false,
    }
}

/// Whether [`obtain`] would answer without reading the layer.
#[must_use]
pub fn is_known(store: &Store, layer: &Layer) -> bool {
    known(store, layer).is_some()
}

/// The index of a layer, from the note in the store.
#[must_use]
pub fn known(store: &Store, layer: &Layer) -> Option<LayerIndex> {
    let index = note::load_layer(store, &layer.descriptor.digest)?;
    // An index says what its ELF files are; their symbols are notes of their own, and may be damaged or pruned.
    let whole = index.diff_id == layer.diff_id
        && index.objects.values().all(|object| note::has_parts(store, &object.digest));
    whole.then_some(index)
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
    catch: Catch<'a>,
    handle: Option<Handle>,
    found: BTreeMap<u64, Learned>,
    caught: BTreeMap<u64, Taken>,
    texts: BTreeMap<u64, Vec<u8>>,
    /// Files that have a restart point of their own: offset and size.
    asked: Vec<(u64, u64)>,
    /// Files that a pass before this one has taken.
    extracts: BTreeMap<u64, Extract>,
}

impl<'a> Pass<'a> {
    /// Nothing found yet; symbols will be kept in `store`.
    pub(super) fn new(store: &'a Store) -> Self {
        let (found, caught, texts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (asked, extracts) = (Vec::new(), BTreeMap::new());
        Self { store, catch: &|_| false, handle: None, found, caught, texts, asked, extracts }
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
        let begun = Taking::begin(self.store, self.handle.as_ref(), offset, size);
        let mut taking = begun.map_err(io::Error::other)?;
        spool::copy(file, size, &mut taking)?;
        let taken = taking.finish().map_err(io::Error::other)?;
        let mut kept = self.store.file(&taken.digest()).map_err(io::Error::other)?;
        self.look_at_kept(path, (offset, size), taken.digest(), &mut kept)?;
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
        let temporary = self.store.temporary();
        let found = if contents::is_record(path, size) {
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            let found = contents::look(path, size, &mut text.as_slice(), &temporary)?;
            self.texts.insert(offset, text);
            found
        } else {
            contents::look(path, size, file, &temporary)?
        };
        self.learn(offset, found)
    }

    fn learn(&mut self, offset: u64, found: Found) -> io::Result<()> {
        let learned = match found {
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

    /// Remembers which files were taken, now that the layer has proved to be what it should.
    fn keep_caught(&mut self, layer: &Digest) -> Result<(), store::Error> {
        self.extracts.extend(taking::complete(std::mem::take(&mut self.caught))?);
        extracts::remember(self.store, layer, &self.extracts)
    }

    /// Leaves what was learned before the stream failed. That it cannot be kept changes nothing of the failure.
    fn leave(mut self, layer: &Digest, stream: &Stream<'_>, progress: Progress) {
        let end = progress.position;
        let Some(halt) = stream.halt(end, &self.asked) else { return };
        self.found.retain(|offset, _| *offset < end);
        self.texts.retain(|offset, _| *offset < end);
        let gzip = self.handle.is_some();
        for (offset, taken) in
            std::mem::take(&mut self.caught).into_iter().filter(|(offset, _)| *offset < end)
        {
            // A file whose blocks are not all there would be compressed anew, which gives other bytes.
            let complete = taken.complete().ok();
            let whole =
                complete.filter(|file| !gzip || file.size < extracts::SPLICED || file.blocks.is_some());
            self.extracts.extend(whole.map(|file| (offset, file)));
        }
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
        LayerIndex { changeset, objects, kept, scripts, diff_id, uncompressed_size }
    }
}
