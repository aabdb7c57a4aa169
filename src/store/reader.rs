//! Reading a blob and not believing the disk.

use std::fs;
use std::io;
use std::io::Read;
use std::path::PathBuf;
use std::sync::PoisonError;

use crate::oci::Digest;
use crate::oci::digest::Hashing;
use crate::store::Damage;
use crate::store::Sound;
use crate::store::damage;

/// A blob being read. Only a read to the end has verified it.
#[derive(Debug)]
pub struct BlobReader {
    inner: Hashing<fs::File>,
    expected: Digest,
    path: PathBuf,
    sound: Sound,
}

impl BlobReader {
    pub(super) fn new(file: fs::File, expected: Digest, path: PathBuf, sound: Sound) -> Self {
        Self { inner: Hashing::new(file), expected, path, sound }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            let actual = self.inner.hasher().digest();
            if actual != self.expected {
                damage::remove(&self.path, self.inner.get_ref());
                return Err(Damage::Blob(self.expected).error(io::ErrorKind::InvalidData));
            }
            self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(self.expected);
        }
        Ok(count)
    }
}
