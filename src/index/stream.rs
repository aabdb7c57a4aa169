//! A layer's blob as a stream of tar bytes, hashed on both sides of the compression.
//!
//! Receiving and hashing the blob, inflating, and looking at the tar each have a thread.

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use super::Error;
use super::Open;
use super::access::Access;
use super::access::SPACING;
use super::access::Wrapping;
use super::ahead::Ahead;
use super::ahead::ROOM;
use super::ahead::Room;
use super::blob::Blob;
use super::blob::Passed;
use super::extract::copy;
use super::partial::Before;
use super::partial::Halt;
use crate::deflate::Gunzip;
use crate::deflate::Handle;
use crate::layer::frames::Frames;
use crate::layer::frames::Noted;
use crate::oci::Compression;
use crate::oci::Layer;
use crate::oci::digest::Hasher;
use crate::oci::media_type;
use crate::progress::Task;

/// Restart points are asked for when a tar header was read: what is inflated ahead of that, with the tar reader's
/// own 128 KiB, must be less than the decoder remembers.
const TAR: Room = Room { chunk: 64 << 10, chunks: 3 };

/// How long nothing may come before somebody is asked whether to wait on.
const TICK: Duration = Duration::from_millis(100);

/// The tar of a layer under way. Its task can stop it: then a read fails, as when the connection is lost.
pub(super) struct Stream<'a> {
    tar: Ahead,
    hasher: Hasher,
    /// How many of the next bytes are in the hash already.
    hashed: u64,
    /// What was noted of the way by a pass before this one.
    before: Before,
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
        let blob = Ahead::new(Box::new(blob), ROOM).map_err(read)?;
        let (tar, watched) = unwrap(compression, blob).map_err(read)?;
        let tar = Ahead::new(tar, TAR).map_err(read)?;
        let (hasher, before) = (Hasher::default(), Before::default());
        Ok(Self { tar, hasher, hashed: 0, before, passed, watched, told: 0, task })
    }

    /// Goes on with a gzip layer where a pass before this one has stopped; `inner` begins at byte
    /// [`Halt::from`] of the blob. The tar's first byte is the one at [`Halt::position`].
    pub(super) fn resume(
        layer: &Layer,
        inner: Box<dyn Read + Send>,
        halt: Halt,
        task: &'a dyn Task,
    ) -> io::Result<Self> {
        let Halt { passed, restart, position, hasher, before } = halt;
        let (from, told) = (passed.hasher.length(), passed.hasher.length());
        task.advance(told);
        let (blob, passed) = Blob::on(inner, layer.descriptor.size, passed);
        let mut blob = Ahead::new(Box::new(blob), ROOM)?;
        let wrong =
            || io::Error::new(io::ErrorKind::InvalidData, "the notes of an earlier pass do not fit together");
        copy(&mut blob, restart.byte().checked_sub(from).ok_or_else(wrong)?, &mut io::sink())?;
        let (gunzip, handle) = Gunzip::resume(blob, &restart)?.watched(SPACING);
        before.ask_again(&handle, restart.out);
        let mut tar = Ahead::new(Box::new(gunzip), TAR)?;
        copy(&mut tar, position.checked_sub(restart.out).ok_or_else(wrong)?, &mut io::sink())?;
        let hashed = hasher.length().checked_sub(position).ok_or_else(wrong)?;
        Ok(Self { tar, hasher, hashed, before, passed, watched: Watched::Gzip(handle), told, task })
    }

    /// Where a gzip layer whose stream has failed could be taken up again by who has read all before `position` of the
    /// tar. `None`: at its beginning only.
    pub(super) fn halt(&self, position: u64, asked: &[(u64, u64)]) -> Option<Halt> {
        let handle = self.handle()?;
        let (mut restarts, mut ends) = self.before.with(handle);
        restarts.retain(|restart| restart.out <= position);
        let restart = restarts.last().filter(|last| last.out > 0)?.clone();
        ends.retain(|out, _| *out <= restart.out);
        let asked = self.before.asked.iter().chain(asked).filter(|(offset, _)| *offset < position).copied();
        let before = Before { restarts, ends, asked: asked.collect() };
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = Passed::until(&passed.anchors, restart.byte())?;
        Some(Halt { passed, restart, position, hasher: self.hasher.clone(), before })
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
        let tar = &self.hasher;
        mismatch("diff_id", layer.diff_id.to_string(), tar.digest().to_string())?;
        let wrapping = match &self.watched {
            Watched::Tar => Wrapping::None,
            Watched::Gzip(handle) => {
                let (restarts, ends) = self.before.with(handle);
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
            let frames = Frames::new(BufReader::with_capacity(ROOM.chunk, blob))?;
            let noted = frames.noted();
            (Box::new(frames), Watched::Zstd(noted))
        }
    })
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.tar.is_ready(TICK);
            if self.task.is_stopped() {
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it was asked to stop"));
            }
            if ready {
                break;
            }
        }
        let count = self.tar.read(buffer)?;
        let hashed = self.hashed.min(count as u64);
        self.hashed -= hashed;
        // No more than the buffer's length, so it fits.
        self.hasher.update(&buffer[hashed as usize..count]);
        let length = self.passed.lock().unwrap_or_else(PoisonError::into_inner).hasher.length();
        self.task.advance(length - self.told);
        self.told = length;
        Ok(count)
    }
}
