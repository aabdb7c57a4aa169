//! One file of a layer on its way into the store, with the blocks it came from.

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::arrival::Arrival;
use super::arrival::Drafts;
use super::extract::Wanted;
use super::extracts::Blocks;
use super::extracts::Extract;
use super::extracts::SPLICED;
use crate::deflate::Block;
use crate::deflate::Crc;
use crate::deflate::Handle;
use crate::deflate::Taker;
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

/// Where the decoder's thread puts blocks, while the file's own thread waits for their end.
#[derive(Clone)]
struct Raw {
    checked: Arc<Mutex<Option<Checked>>>,
    arrival: Option<Arc<Arrival>>,
}

impl Taker for Raw {
    fn take(&mut self, block: &Block, bytes: &[u8]) -> io::Result<()> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(checked) = checked.as_mut() else { return Ok(()) };
        checked.write_all(bytes)?;
        if let Some(arrival) = &self.arrival {
            checked.flush()?;
            arrival.take(block);
        }
        Ok(())
    }

    fn settle(&mut self, at: u64) {
        self.arrival.iter().for_each(|arrival| arrival.settle(at));
    }
}

/// A file that is being taken out of a layer.
pub(super) struct Taking {
    offset: u64,
    file: Checked,
    raw: Option<(Handle, Raw)>,
    wanted: Wanted,
}

impl Taking {
    /// Begins to take the file at `offset` of the tar, whose decoder has the `handle`; before any of it is read.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn begin(
        store: &Store,
        handle: Option<&Handle>,
        offset: u64,
        wanted: &Wanted,
    ) -> Result<Self, store::Error> {
        let (file, wanted) = (Checked::new(store)?, wanted.clone());
        let handle = handle.filter(|_| wanted.size >= SPLICED);
        let raw = handle.map(|_| Checked::new(store)).transpose()?;
        if let Some(arrival) = followed(&wanted) {
            let raw = raw.as_ref().map(|raw| raw.draft.reader()).transpose()?;
            arrival.begin(Drafts { plain: file.draft.reader()?, raw });
        }
        let raw = handle.zip(raw).map(|(handle, raw)| {
            let (checked, arrival) = (Arc::new(Mutex::new(Some(raw))), wanted.arrival.clone());
            let raw = Raw { checked, arrival };
            handle.capture(offset..offset + wanted.size, Box::new(raw.clone()));
            (handle.clone(), raw)
        });
        Ok(Self { offset, file, raw, wanted })
    }

    /// Keeps the file, with the blocks that the decoder has captured: all its bytes have passed the decoder. A decoder
    /// that could not give them leaves a file that is compressed anew.
    ///
    /// # Errors
    /// The store's; `InvalidData` where it is not the file that is wanted.
    pub(super) fn finish(self) -> io::Result<Extract> {
        let (digest, size, crc) = self.file.finish().map_err(io::Error::other)?;
        if let Some(expected) = self.wanted.digest.filter(|expected| *expected != digest) {
            let text = format!("the file at {} should be `{expected}` but is `{digest}`", self.offset);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut extract = Extract { digest, size, crc, blocks: None };
        if let Some((handle, raw)) = self.raw {
            let table = handle.segment(self.offset);
            let raw = raw.checked.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(Ok(table)), Some(checked)) = (table, raw) {
                let (digest, size, crc) = checked.finish().map_err(io::Error::other)?;
                extract.blocks = Some(Blocks { digest, size, crc, table });
            }
        }
        self.wanted.arrival.iter().for_each(|arrival| arrival.end(&extract));
        Ok(extract)
    }
}

/// Who follows the file. A small one is there as soon as it could be followed.
fn followed(wanted: &Wanted) -> Option<&Arrival> {
    wanted.arrival.as_deref().filter(|_| wanted.size >= SPLICED)
}

impl Write for Taking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        if let Some(arrival) = followed(&self.wanted) {
            self.file.flush()?;
            arrival.write(self.file.draft.length());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
