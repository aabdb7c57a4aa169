//! The one full pass over a layer.

use std::io;
use std::io::Read;

use super::Error;
use super::LayerIndex;
use super::holed::Missed;
use super::learned::Catch;
use super::learned::Learning;
use super::note;
use super::partial::Halt;
use super::partial::Partial;
use super::spool::Keeping;
use super::stream::Stream;
use super::word::Word;
use crate::layer::Entry;
use crate::layer::decode;
use crate::layer::decode::Progress;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::progress::Task;
use crate::store::Store;

/// Opens a layer's blob from its first byte. Called at most twice: again when a large file was not kept whole.
pub type Open<'a, E> = &'a mut dyn FnMut() -> Result<Box<dyn Read + Send>, E>;

/// Opens a layer's blob from an offset on. Called at most three times: for the rest, for the whole, and for the whole once
/// more when a large file was not kept whole.
pub type OpenAt<'a, E> = &'a mut dyn FnMut(u64) -> Result<Box<dyn Read + Send>, E>;

/// The index of a layer: from the note in the store, else by reading the whole blob once.
///
/// Memory does not grow with the layer, only with its number of files and the symbols of one ELF file at a
/// time; big ELF files pass through an unnamed temporary file in the store, without what no study asks for; when one does
/// all the same, the layer is read again. `task` advances by
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
    let mut pass = |keeping| {
        let stream = Stream::open(layer, open, task)?;
        let learning = Learning::on(store, catch, keeping, stream.handle());
        run(store, layer, stream, learning, Progress::default())
    };
    match pass(Keeping::Needed) {
        Err(error) if is_missed(&error) => pass(Keeping::Whole),
        outcome => outcome,
    }
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
    let partial = if known(store, layer).is_some() { None } else { note::load_partial(store, &digest) };
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
    let learning = Learning::on(store, catch, Keeping::Whole, stream.handle());
    let learning = learning.after(found, texts, extracts);
    run(store, layer, stream, learning, progress)
}

/// The pass from where the stream stands to its end.
fn run<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    mut stream: Stream<'_>,
    mut learning: Learning<'_>,
    mut progress: Progress,
) -> Result<LayerIndex, Error<E>> {
    let digest = layer.descriptor.digest;
    let visit = &mut |path: &ImagePath, entry: &Entry, file: &mut dyn Read| learning.visit(path, entry, file);
    let decoded = decode::decode_on(&mut stream, &mut progress, visit);
    if let Err(source) = decoded {
        if is_cut(&source) {
            learning.leave(&digest, &stream, progress);
        }
        return Err(Error::Decode { layer: digest, source });
    }
    let changeset = progress.changes;
    let whole = stream.finish(layer)?;
    note::forget_partial(store, &digest);
    let kept = |source| Error::Store { layer: digest, source };
    learning.keep_caught(&digest).map_err(kept)?;
    note::save_texts(store, &digest, learning.texts(), Word::Own).map_err(kept)?;
    let index = learning.index(changeset, layer.diff_id, whole.uncompressed_size);
    note::save_access(store, &digest, &whole.access, Word::Own).map_err(kept)?;
    note::save_layer(store, &digest, &index).map_err(kept)?;
    note::forget_lent(store, &digest);
    Ok(index)
}

/// Whether the bytes stopped coming, and were not wrong.
fn is_cut(error: &decode::Error) -> bool {
    matches!(error, decode::Error::Read { source, .. } if !is_damage(source))
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Whether a file was looked at for more than what was kept of it.
fn is_missed<E: std::error::Error>(error: &Error<E>) -> bool {
    let inner = match error {
        Error::Decode { source: decode::Error::Visit { source, .. }, .. } => source.get_ref(),
        _ => None,
    };
    inner.is_some_and(|inner| inner.is::<Missed>())
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

/// The index of a layer that this machine has read, from the note in the store.
#[must_use]
pub fn known(store: &Store, layer: &Layer) -> Option<LayerIndex> {
    by_word(store, layer, Word::Own)
}

/// What others say is in a layer, from the note in the store.
#[must_use]
pub fn lent(store: &Store, layer: &Layer) -> Option<LayerIndex> {
    by_word(store, layer, Word::Lent)
}

fn by_word(store: &Store, layer: &Layer, word: Word) -> Option<LayerIndex> {
    let index = note::load_layer(store, &layer.descriptor.digest, word)?;
    // An index says what its ELF files are; their symbols are notes of their own, and may be damaged or pruned.
    let whole = index.diff_id == layer.diff_id
        && index.objects.values().all(|object| note::has_parts(store, &object.digest, word));
    whole.then_some(index)
}
