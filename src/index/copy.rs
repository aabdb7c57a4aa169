//! Single files out of a layer that is read whole, into the store.

use std::collections::BTreeMap;
use std::io;

use super::Error;
use super::Open;
use super::access;
use super::extract;
use super::extract::Wanted;
use super::extracts;
use super::extracts::Extract;
use super::note;
use super::stream::Stream;
use super::word::Word;
use crate::oci::Layer;
use crate::progress::Task;
use crate::store::Store;

/// Takes files, by offset in the tar, out of a layer in one pass over all of it; they do not overlap.
///
/// The answer comes only after the whole blob was read and compared with what the image's documents promise.
///
/// # Errors
/// As [`super::obtain`], and a file that is not inside the tar.
pub fn copy_out<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: Open<'_, E>,
    wanted: &BTreeMap<u64, Wanted>,
    task: &dyn Task,
) -> Result<BTreeMap<u64, Extract>, Error<E>> {
    let digest = layer.descriptor.digest;
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut stream = Stream::open(layer, open, task)?;
    let handle = stream.handle().cloned();
    let found = extract::files(store, wanted, &mut stream, handle.as_ref(), 0);
    let found = found.map_err(|source: io::Error| Error::Read { layer: digest, source })?;
    let whole = stream.finish(layer)?;
    let kept = |source| Error::Store { layer: digest, source };
    // Of a layer that a version without a way indexed, the next file is taken in part.
    if access::known(store, &digest, Word::Own).is_none() {
        note::save_access(store, &digest, &whole.access, Word::Own).map_err(kept)?;
    }
    extracts::remember(store, &digest, &found, Word::Own).map_err(kept)?;
    Ok(found)
}
