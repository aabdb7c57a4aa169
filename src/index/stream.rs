//! A layer's blob as a stream of tar bytes, hashed on both sides of the compression.
//!
//! Receiving and hashing the blob, inflating, and looking at the tar each have a thread.

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::Error;
use super::Open;
use super::access::Access;
use super::access::SPACING;
use super::access::Wrapping;
use super::ahead::Ahead;
use super::ahead::Room;
use super::blob::Blob;
use super::blob::Passed;
use crate::deflate::Gunzip;
use crate::deflate::Handle;
use crate::layer::frames::Frames;
use crate::layer::frames::Noted;
use crate::oci::Compression;
use crate::oci::Layer;
use crate::oci::digest::Hashing;
use crate::oci::media_type;
use crate::progress::Task;

const COMPRESSED: Room = Room { chunk: 256 << 10, chunks: 8 };
/// Restart points are asked for when a tar header was read: what is inflated ahead of that, with the tar reader's
/// own 128 KiB, must be less than the decoder remembers.
const TAR: Room = Room { chunk: 64 << 10, chunks: 3 };

/// The tar of a layer under way.
pub(super) struct Stream<'a> {
    tar: Hashing<Ahead>,
    passed: Arc<Mutex<Passed>>,
    watched: Watched,
    told: u64,
    task: &'a dyn Task,
}

/// What takes note of places on the way.
enum Watched {
    /// Nothing: in a tar every place is as good as another.
    Tar,
    /// The decoder of a gzip.
    Gzip(Handle),
    /// The decoder of a Zstandard.
    Zstd(Noted),
}

/// What is known of a layer when all of it has passed and was what its documents promise.
pub(super) struct Whole {
    /// Length of the tar in bytes.
    pub(super) uncompressed_size: u64,
    /// How to get at its middle.
    pub(super) access: Access,
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
        let (blob, passed) = Blob::new(inner, layer.descriptor.size);
        let read = |source| Error::Read { layer: digest, source };
        let blob = Ahead::new(Box::new(blob), COMPRESSED).map_err(read)?;
        let (tar, watched) = unwrap(compression, blob).map_err(read)?;
        let tar = Hashing::new(Ahead::new(tar, TAR).map_err(read)?);
        Ok(Self { tar, passed, watched, told: 0, task })
    }

    /// The decoder's handle, of a gzip layer.
    pub(super) const fn handle(&self) -> Option<&Handle> {
        match &self.watched {
            Watched::Gzip(handle) => Some(handle),
            Watched::Tar | Watched::Zstd(_) => None,
        }
    }

    /// Reads what is left, and compares everything with what the image's documents promise.
    pub(super) fn finish<E: std::error::Error + 'static>(mut self, layer: &Layer) -> Result<Whole, Error<E>> {
        let digest = layer.descriptor.digest;
        io::copy(&mut self, &mut io::sink()).map_err(|source| Error::Read { layer: digest, source })?;
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        passed.end();
        let blob = &passed.hasher;
        let mismatch = |what, expected: String, actual: String| {
            if expected == actual {
                return Ok(());
            }
            Err(Error::Mismatch { layer: digest, what, expected, actual })
        };
        mismatch("size in bytes", layer.descriptor.size.to_string(), blob.length().to_string())?;
        mismatch("digest", digest.to_string(), blob.digest().to_string())?;
        let tar = self.tar.hasher();
        mismatch("diff_id", layer.diff_id.to_string(), tar.digest().to_string())?;
        let wrapping = match &self.watched {
            Watched::Tar => Wrapping::None,
            Watched::Gzip(handle) => {
                let (restarts, ends) = (handle.restarts(), handle.ends().into_iter().collect());
                Wrapping::Gzip { restarts, ends }
            }
            Watched::Zstd(noted) => Wrapping::Zstd { frames: noted.frames() },
        };
        let access = Access { anchors: passed.anchors, wrapping };
        Ok(Whole { uncompressed_size: tar.length(), access })
    }
}

fn unwrap(compression: Compression, blob: Ahead) -> io::Result<(Box<dyn Read + Send>, Watched)> {
    Ok(match compression {
        Compression::None => (Box::new(blob), Watched::Tar),
        Compression::Gzip => {
            let (gunzip, handle) = Gunzip::new(blob).watched(SPACING);
            (Box::new(gunzip), Watched::Gzip(handle))
        }
        Compression::Zstd => {
            let frames = Frames::new(BufReader::with_capacity(COMPRESSED.chunk, blob))?;
            let noted = frames.noted();
            (Box::new(frames), Watched::Zstd(noted))
        }
    })
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.tar.read(buffer)?;
        let length = self.passed.lock().unwrap_or_else(PoisonError::into_inner).hasher.length();
        self.task.advance(length - self.told);
        self.told = length;
        Ok(count)
    }
}
