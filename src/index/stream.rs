//! A layer's blob as a stream of tar bytes, hashed on both sides of the compression.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::Error;
use super::Open;
use crate::layer::compress;
use crate::oci::Layer;
use crate::oci::digest::Hasher;
use crate::oci::digest::Hashing;
use crate::oci::media_type;
use crate::progress::Task;

/// The tar of a layer under way.
pub(super) struct Stream<'a> {
    tar: Hashing<Box<dyn Read + Send>>,
    blob: Arc<Mutex<Hasher>>,
    told: u64,
    task: &'a dyn Task,
}

/// The compressed side: hashes, and stops one byte after the promised size.
struct Blob {
    inner: io::Take<Box<dyn Read + Send>>,
    hasher: Arc<Mutex<Hasher>>,
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<'a> Stream<'a> {
    /// Opens the blob. The task advances by compressed bytes.
    pub(super) fn open<E: std::error::Error + 'static>(
        layer: &Layer,
        open: Open<'_, E>,
        task: &'a dyn Task,
    ) -> Result<Self, Error<E>> {
        let digest = layer.descriptor.digest;
        let compression = media_type::layer_compression(&layer.descriptor.media_type);
        let compression = compression.ok_or_else(|| Error::MediaType {
            layer: digest,
            media_type: layer.descriptor.media_type.clone(),
        })?;
        let inner = open().map_err(|source| Error::Open { layer: digest, source })?;
        let hasher = Arc::new(Mutex::new(Hasher::default()));
        let blob =
            Blob { inner: inner.take(layer.descriptor.size.saturating_add(1)), hasher: Arc::clone(&hasher) };
        let tar = compress::reader(compression, Box::new(io::BufReader::with_capacity(1 << 17, blob)));
        let tar = tar.map_err(|source| Error::Read { layer: digest, source })?;
        Ok(Self { tar: Hashing::new(tar), blob: hasher, told: 0, task })
    }

    /// Reads what is left, and compares everything with what the image's documents promise. Returns the
    /// length of the tar in bytes.
    pub(super) fn finish<E: std::error::Error + 'static>(mut self, layer: &Layer) -> Result<u64, Error<E>> {
        let digest = layer.descriptor.digest;
        io::copy(&mut self, &mut io::sink()).map_err(|source| Error::Read { layer: digest, source })?;
        let blob = self.blob.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mismatch = |what, expected: String, actual: String| {
            let error = Error::Mismatch { layer: digest, what, expected, actual };
            if matches!(&error, Error::Mismatch { expected, actual, .. } if expected == actual) {
                Ok(())
            } else {
                Err(error)
            }
        };
        mismatch("size in bytes", layer.descriptor.size.to_string(), blob.length().to_string())?;
        mismatch("digest", digest.to_string(), blob.digest().to_string())?;
        let tar = self.tar.hasher();
        mismatch("diff_id", layer.diff_id.to_string(), tar.digest().to_string())?;
        Ok(tar.length())
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.tar.read(buffer)?;
        let length = self.blob.lock().unwrap_or_else(PoisonError::into_inner).length();
        self.task.advance(length - self.told);
        self.told = length;
        Ok(count)
    }
}
