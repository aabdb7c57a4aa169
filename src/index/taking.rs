//! One file of a layer on its way into the store, with the blocks it came from.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::extracts::Blocks;
use super::extracts::Extract;
use super::extracts::SPLICED;
use crate::deflate::Crc;
use crate::deflate::Handle;
use crate::oci::Digest;
use crate::store;
use crate::store::Draft;
use crate::store::Store;

/// Bytes on their way into the store, counted by CRC-32 too.
struct Checked {
    draft: Draft,
    crc: Crc,
}

impl Checked {
    fn new(store: &Store) -> Result<Self, store::Error> {
        Ok(Self { draft: store.draft()?, crc: Crc::new() })
    }

    fn finish(self) -> Result<(Digest, u64, u32), store::Error> {
        let (digest, size) = self.draft.finish()?;
        Ok((digest, size, self.crc.sum()))
    }
}

impl Write for Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.draft.write(bytes)?;
        self.crc.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

/// Where the decoder's thread puts raw blocks, while the file's own thread waits for their end.
#[derive(Clone)]
struct Raw(Arc<Mutex<Option<Checked>>>);

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(checked) => checked.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being taken out of a layer.
pub(super) struct Taking {
    offset: u64,
    file: Checked,
    raw: Option<(Handle, Raw)>,
}

/// A file whose bytes are in the store, before its blocks are.
pub(super) struct Taken {
    offset: u64,
    extract: Extract,
    raw: Option<(Handle, Raw)>,
}

impl Taking {
    /// Begins to take the file of `size` bytes at `offset` of the tar, whose decoder has the `handle`; before any of
    /// it is read.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn begin(
        store: &Store,
        handle: Option<&Handle>,
        offset: u64,
        size: u64,
    ) -> Result<Self, store::Error> {
        let file = Checked::new(store)?;
        let Some(handle) = handle.filter(|_| size >= SPLICED) else {
            return Ok(Self { offset, file, raw: None });
        };
        let raw = Raw(Arc::new(Mutex::new(Some(Checked::new(store)?))));
        handle.capture(offset..offset + size, Box::new(raw.clone()));
        Ok(Self { offset, file, raw: Some((handle.clone(), raw)) })
    }

    /// Keeps the file's bytes. Its blocks can be had once the decoder has passed its end.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn finish(self) -> Result<Taken, store::Error> {
        let (digest, size, crc) = self.file.finish()?;
        let extract = Extract { digest, size, crc, blocks: None };
        Ok(Taken { offset: self.offset, extract, raw: self.raw })
    }
}

impl Write for Taking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Taken {
    /// SHA-256 of the file.
    pub(super) const fn digest(&self) -> Digest {
        self.extract.digest
    }

    /// The file, complete, with the blocks that the decoder has captured. A decoder that could not give them leaves a
    /// file that is compressed anew.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn complete(self) -> Result<Extract, store::Error> {
        let Some((handle, raw)) = self.raw else {
            return Ok(self.extract);
        };
        let table = handle.segment(self.offset);
        let raw = raw.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(Ok(table)), Some(checked)) = (table, raw) else {
            return Ok(self.extract);
        };
        let (digest, size, crc) = checked.finish()?;
        Ok(Extract { blocks: Some(Blocks { digest, size, crc, table }), ..self.extract })
    }
}

/// Completes all that was taken of a layer.
///
/// # Errors
/// The store's.
pub(super) fn complete(taken: BTreeMap<u64, Taken>) -> Result<BTreeMap<u64, Extract>, store::Error> {
    taken.into_iter().map(|(offset, taken)| Ok((offset, taken.complete()?))).collect()
}
