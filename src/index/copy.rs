//! Single files out of a layer, into the store.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use super::Error;
use super::Open;
use super::stream::Stream;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::progress::Silent;
use crate::store::Store;

/// Copies pieces of a layer's uncompressed tar into the store, in one pass. `wanted` gives for each offset a
/// length in bytes; pieces do not overlap. Returns digest and length of each, by offset.
///
/// The answer comes only after the whole blob was read and compared with what the image's documents promise.
///
/// # Errors
/// As [`super::obtain`], and a piece that is not inside the tar.
pub fn copy_out<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    open: Open<'_, E>,
    wanted: &BTreeMap<u64, u64>,
) -> Result<BTreeMap<u64, (Digest, u64)>, Error<E>> {
    let digest = layer.descriptor.digest;
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let read = |source| Error::Read { layer: digest, source };
    let mut stream = Stream::open(layer, open, &Silent)?;
    let mut copied = BTreeMap::new();
    let mut at = 0;
    for (offset, size) in wanted {
        let gap = offset.checked_sub(at).ok_or_else(|| read(outside(*offset)))?;
        pass(&mut stream, gap, &mut io::sink()).map_err(read)?;
        let mut draft = store.draft().map_err(|source| Error::Store { layer: digest, source })?;
        pass(&mut stream, *size, &mut draft).map_err(read)?;
        let kept = draft.finish().map_err(|source| Error::Store { layer: digest, source })?;
        copied.insert(*offset, kept);
        at = offset + size;
    }
    stream.finish(layer)?;
    Ok(copied)
}

pub(super) fn pass(stream: &mut Stream<'_>, count: u64, out: &mut dyn io::Write) -> io::Result<()> {
    let copied = io::copy(&mut stream.take(count), out)?;
    if copied == count { Ok(()) } else { Err(outside(count)) }
}

pub(super) fn outside(place: u64) -> io::Error {
    let text = format!("a file at or of {place} bytes is not inside the tar");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
