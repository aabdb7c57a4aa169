//! Reading a blob and not believing the disk.

use std::fs;
use std::io;
use std::io::Read;
use std::path::PathBuf;

use crate::oci::Digest;
use crate::oci::digest::Hashing;

/// A blob being read. Only a read to the end has verified it.
#[derive(Debug)]
pub struct BlobReader {
    inner: Hashing<fs::File>,
    expected: Digest,
    path: PathBuf,
}

impl BlobReader {
    pub(super) fn new(file: fs::File, expected: Digest, path: PathBuf) -> Self {
        Self { inner: Hashing::new(file), expected, path }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            let actual = self.inner.hasher().digest();
            if actual != self.expected {
                // The next run fetches it again; that the removal may fail changes nothing of this error.
                drop(fs::remove_file(&self.path));
                let text =
                    format!("blob `{}` in the cache is damaged and was removed: run again", self.expected);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        Ok(count)
    }
}
