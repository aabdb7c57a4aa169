//! The pieces of a spliced blob that must be compressed: each on its own, and ended at a byte.

use std::io;
use std::io::Write;

use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;

use super::bits::BitSink;

/// At level 2 the bytes do not depend on how the input was cut, as they do at 0, 1, 5 and 6.
const LEVEL: u32 = 2;
const _: () = assert!(!matches!(LEVEL, 0 | 1 | 5 | 6));

const BUFFER: usize = 32 << 10;

/// The piece that is being compressed, if there is one.
pub(super) struct Literal {
    piece: Option<Compress>,
    buffer: Vec<u8>,
}

impl Literal {
    pub(super) fn new() -> Self {
        Self { piece: None, buffer: Vec::with_capacity(BUFFER) }
    }

    /// Compresses more bytes of the piece.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn write<W: Write>(&mut self, mut bytes: &[u8], out: &mut BitSink<W>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.piece.is_none() && !out.is_aligned() {
            // An empty stored block brings the bits to a byte.
            out.bits(0, 3);
            out.align();
            out.bytes(&[0, 0, 0xff, 0xff])?;
        }
        // A state of its own for each piece: a state that is used again has been seen to write other bytes.
        let piece = self.piece.get_or_insert_with(|| Compress::new(Compression::new(LEVEL), false));
        while !bytes.is_empty() {
            let before = piece.total_in();
            self.buffer.clear();
            piece.compress_vec(bytes, &mut self.buffer, FlushCompress::None).map_err(io::Error::other)?;
            out.bytes(&self.buffer)?;
            bytes = &bytes[(piece.total_in() - before) as usize..];
        }
        Ok(())
    }

    /// Ends the piece; the next one will know nothing of it.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn end<W: Write>(&mut self, out: &mut BitSink<W>) -> io::Result<()> {
        let Some(mut piece) = self.piece.take() else { return Ok(()) };
        loop {
            self.buffer.clear();
            piece.compress_vec(&[], &mut self.buffer, FlushCompress::Sync).map_err(io::Error::other)?;
            out.bytes(&self.buffer)?;
            if self.buffer.len() < self.buffer.capacity() {
                return Ok(());
            }
        }
    }
}
