//! Files that were taken out of layers: which, and where their bytes are in the store.
//!
//! Of a file that came out of gzip two things are kept: its bytes, and the deflate blocks that they came from, so that
//! a new layer need not compress them again. What is not there any more is taken out again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;

use serde::Deserialize;
use serde::Serialize;

use super::note;
use super::word::Word;
use crate::deflate::Crc;
use crate::deflate::Segment;
use crate::oci::Digest;
use crate::store;
use crate::store::Damage;
use crate::store::Store;

/// Shortest file whose blocks are kept: below, there is little to copy after its first 32 KiB.
pub(super) const SPLICED: u64 = 1 << 20;

/// A file of a layer that is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extract {
    /// SHA-256 of the file's bytes, which are in the store under it.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// CRC-32 of the bytes: what is read from the store for writing a layer is compared with it, as it is hashed
    /// again on its way and a second SHA-256 would say no more about a disk.
    pub crc: u32,
    /// The deflate blocks of the file, of a file of 1 MiB or more out of a gzip layer.
    pub blocks: Option<Blocks>,
}

/// Deflate blocks in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// The blob that holds them.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// CRC-32 of its bytes.
    pub crc: u32,
    /// Which they are.
    pub table: Segment,
}

/// The file at this offset of a layer's tar, by whose `word` it is there, when it was taken out before and the store
/// still has it whole.
#[must_use]
pub fn recall(store: &Store, layer: &Digest, offset: u64, size: u64, word: Word) -> Option<Extract> {
    let extract: Extract = note::load_extract(store, layer, offset, word)?;
    // A note outlives its blobs when the cache is pruned: then the file is taken out again.
    let there = |digest: &Digest, size| store.relies_on(digest, size);
    let blocks = extract.blocks.as_ref().is_none_or(|blocks| there(&blocks.digest, blocks.size));
    (extract.size == size && there(&extract.digest, size) && blocks).then_some(extract)
}

/// As [`recall`], of a file whose digest is known: then it is the same whoever said that it is there.
#[must_use]
pub fn recall_known(
    store: &Store,
    layer: &Digest,
    offset: u64,
    size: u64,
    digest: &Digest,
) -> Option<Extract> {
    let by = |word: &Word| recall(store, layer, offset, size, *word);
    [Word::Own, Word::Lent].iter().filter_map(by).find(|extract| extract.digest == *digest)
}

/// The digest of the file of this size at this offset of a layer's tar, when it was taken out before.
#[must_use]
pub fn known_digest(store: &Store, layer: &Digest, offset: u64, size: u64, word: Word) -> Option<Digest> {
    let extract = note::load_extract(store, layer, offset, word)?;
    (extract.size == size).then_some(extract.digest)
}

/// Keeps what [`recall`] answers, of files of a layer that has proved to be what it should, by offset.
pub(super) fn remember(
    store: &Store,
    layer: &Digest,
    extracts: &BTreeMap<u64, Extract>,
    word: Word,
) -> Result<(), store::Error> {
    extracts.iter().try_for_each(|(offset, extract)| note::save_extract(store, layer, *offset, extract, word))
}

impl Extract {
    /// Opens the file's bytes; damage shows as `InvalidData` at their end, and then they are gone from the store.
    ///
    /// # Errors
    /// They are not there.
    pub fn open(&self, store: &Store) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Summed::new(store, self.digest, self.size, self.crc)?))
    }
}

impl Blocks {
    /// Opens the bytes of the blocks; damage shows as `InvalidData` at their end, and then they are gone from the store.
    ///
    /// # Errors
    /// They are not there.
    pub fn open(&self, store: &Store) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Summed::new(store, self.digest, self.size, self.crc)?))
    }
}

/// A blob of the store whose CRC-32 is compared as soon as its last byte was read.
struct Summed {
    store: Store,
    file: fs::File,
    digest: Digest,
    left: u64,
    expected: u32,
    crc: Crc,
}

impl Summed {
    fn new(store: &Store, digest: Digest, size: u64, expected: u32) -> io::Result<Self> {
        let file = store.file(&digest).map_err(io::Error::other)?;
        Ok(Self { store: store.clone(), file, digest, left: size, expected, crc: Crc::new() })
    }
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.crc.update(&buffer[..count]);
        self.left = self.left.saturating_sub(count as u64);
        let ended = self.left == 0 || (count == 0 && !buffer.is_empty());
        if ended && self.crc.sum() != self.expected {
            // The next run takes it out of its layer again; that the removal may fail changes nothing of this error.
            drop(self.store.remove(&self.digest));
            return Err(Damage::Blob(self.digest).error(io::ErrorKind::InvalidData));
        }
        Ok(count)
    }
}
