//! The hashes of single files of a layer, without keeping the files.

use std::collections::BTreeMap;
use std::io;

use super::Error;
use super::Open;
use super::extract::copy;
use super::extract::outside;
use super::note;
use super::stream::Stream;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::oci::digest::Hashing;
use crate::progress::Task;
use crate::store::Store;

/// SHA-256 of pieces of a layer's uncompressed tar, by offset and length in bytes; `wanted` gives a length for each
/// offset, and pieces do not overlap. The layer is read once if any of them is not known from an earlier call, else not at all.
///
/// # Errors
/// As [`super::copy_out`].
pub fn hashes<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: Open<'_, E>,
    wanted: &BTreeMap<u64, u64>,
    task: &dyn Task,
) -> Result<BTreeMap<(u64, u64), Digest>, Error<E>> {
    let digest = layer.descriptor.digest;
    let mut known = note::load_hashes(store, &digest);
    let pieces = wanted.iter().map(|(offset, size)| (*offset, *size));
    let missing: Vec<(u64, u64)> = pieces.filter(|piece| !known.contains_key(piece)).collect();
    if missing.is_empty() {
        task.advance(layer.descriptor.size);
        return Ok(known);
    }
    let read = |source| Error::Read { layer: digest, source };
    let mut stream = Stream::open(layer, open, task)?;
    let mut at = 0;
    let mut found = BTreeMap::new();
    for (offset, size) in missing {
        let gap = offset.checked_sub(at).ok_or_else(|| read(outside(offset)))?;
        copy(&mut stream, gap, &mut io::sink()).map_err(read)?;
        let mut hashing = Hashing::new(io::sink());
        copy(&mut stream, size, &mut hashing).map_err(read)?;
        found.insert((offset, size), hashing.hasher().digest());
        at = offset + size;
    }
    stream.finish(layer)?;
    known.append(&mut found);
    note::save_hashes(store, &digest, &known).map_err(|source| Error::Store { layer: digest, source })?;
    Ok(known)
}
