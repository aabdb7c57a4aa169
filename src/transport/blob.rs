//! One blob on its way from the store, or else the base's place, into whatever a sink writes.
//!
//! What leaves is verified as what enters: a sink never holds bytes that nobody hashed.

use std::io;
use std::io::Read;
use std::io::Write;

use crate::oci::Descriptor;
use crate::oci::digest::Hasher;
use crate::progress::Task;
use crate::store;
use crate::store::Damage;
use crate::transport::Outgoing;
use crate::transport::error::Error;

const CHUNK: usize = 1 << 18;

/// Writes the bytes of `descriptor` to `out`; `failed` names the place that `out` leads to.
///
/// # Errors
/// [`Error::Broken`] when the bytes are not what the descriptor promises: `out` has then got some of them.
/// A blob that proves damaged in the store is gone from it afterwards ([`is_damaged`]).
pub(super) fn copy(
    outgoing: &Outgoing<'_>,
    descriptor: &Descriptor,
    out: &mut dyn Write,
    failed: &dyn Fn(io::Error) -> Error,
    task: &dyn Task,
) -> Result<(), Error> {
    let config = &outgoing.image.config;
    if descriptor.digest == config.digest() {
        return out.write_all(config.bytes()).map_err(failed);
    }
    let store = outgoing.store;
    if store.contains(&descriptor.digest, descriptor.size) {
        let place = store.root().display().to_string();
        let stored =
            |source| Error::Store { what: descriptor.digest.to_string(), place: place.clone(), source };
        let mut reader = store.reader(&descriptor.digest).map_err(stored)?;
        let unreadable = |source| {
            stored(store::Error::Io { action: "read", path: store.blob_path(&descriptor.digest), source })
        };
        return pump(&mut reader, descriptor, &place, out, failed, &unreadable, task);
    }
    let owner = outgoing.owner(&descriptor.digest);
    let place = owner.name();
    let mut reader = match owner.open(descriptor, 0) {
        Err(Error::NotFound { .. }) if !is_elsewhere(outgoing, descriptor) => {
            // What was made here is nowhere else.
            let source = Damage::Gone(descriptor.digest).error(io::ErrorKind::NotFound);
            let path = store.blob_path(&descriptor.digest);
            let source = store::Error::Io { action: "read", path, source };
            return Err(Error::Store { what: descriptor.digest.to_string(), place, source });
        }
        opened => opened?,
    };
    let unreadable = |source| Error::Unreachable { place: place.clone(), source: Box::new(source) };
    pump(&mut reader, descriptor, &place, out, failed, &unreadable, task)
}

/// Whether the blob was not made here: it is the base's, or another image's.
fn is_elsewhere(outgoing: &Outgoing<'_>, descriptor: &Descriptor) -> bool {
    if outgoing.others.contains_key(&descriptor.digest) {
        return true;
    }
    let base = outgoing.image.manifest.layers.iter().take(outgoing.base_layers);
    base.map(|layer| layer.digest).any(|layer| layer == descriptor.digest)
}

/// Whether the failure is a blob that was damaged in the store: another attempt takes it from the origin.
pub(super) fn is_damaged(error: &Error) -> bool {
    matches!(error, Error::Store { source: store::Error::Io { source, .. }, .. }
        if source.kind() == io::ErrorKind::InvalidData)
}

/// Does `attempt`, and once more if the first failed on a blob damaged in the store (T28).
pub(super) fn twice_if_damaged<T>(attempt: &mut dyn FnMut() -> Result<T, Error>) -> Result<T, Error> {
    match attempt() {
        Err(error) if is_damaged(&error) => attempt(),
        outcome => outcome,
    }
}

fn pump(
    reader: &mut dyn Read,
    descriptor: &Descriptor,
    place: &str,
    out: &mut dyn Write,
    failed: &dyn Fn(io::Error) -> Error,
    unreadable: &dyn Fn(io::Error) -> Error,
    task: &dyn Task,
) -> Result<(), Error> {
    let broken = |problem| Error::Broken { place: place.to_owned(), problem };
    let (digest, size) = (descriptor.digest, descriptor.size);
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        hasher.update(&buffer[..count]);
        if hasher.length() > size {
            return Err(broken(format!("more than the {size} bytes of `{digest}`")));
        }
        out.write_all(&buffer[..count]).map_err(failed)?;
        task.advance(count as u64);
    }
    if hasher.length() != size {
        let length = hasher.length();
        return Err(broken(format!("{length} bytes of `{digest}` instead of {size}")));
    }
    if hasher.digest() != digest {
        return Err(broken(format!("`{}` instead of `{digest}`", hasher.digest())));
    }
    Ok(())
}
