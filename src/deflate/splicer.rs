//! Writing a gzip blob of which large parts are blocks of another one.

use std::io;
use std::io::Read;
use std::io::Write;
use std::ops::Range;

use super::crc::Crc;

use super::bits::BitSink;
use super::literal::Literal;
use super::plan::Plan;
use super::segment::Block;
use super::segment::Segment;

/// RFC 1952, 2.3: no name, no time, no word on the effort, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A gzip blob of one member that is made of the plain bytes written to it.
///
/// Blocks of a [`Segment`] are copied bit for bit in place of the bytes they stand for; everything else is
/// compressed. The blob depends on the plain bytes, the segments and the dirty ranges alone, never on
/// how the bytes are cut into `write` calls. Its sums are those of the plain bytes, so that a segment that does not
/// belong to them gives a blob that no reader accepts. After an error nothing more may be written.
pub struct Splicer<W: Write> {
    out: BitSink<W>,
    literal: Literal,
    crc: Crc,
    total: u64,
    /// The file that is being written.
    file: Option<File>,
    copied: u64,
}

struct File {
    plan: Plan,
    raw: Box<dyn Read + Send>,
    /// Bytes of the file written up to now.
    at: u64,
    size: u64,
    /// Where the block ends that was copied for the bytes that are coming.
    covered: u64,
    /// CRC-32 of the file, when that is known and not yet taken in.
    sum: Option<u32>,
    buffer: Vec<u8>,
}

impl<W: Write> Splicer<W> {
    /// Begins a blob.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = BitSink::new(out);
        out.bytes(&HEADER)?;
        Ok(Self { out, literal: Literal::new(), crc: Crc::new(), total: 0, file: None, copied: 0 })
    }

    /// Says that the next [`Segment::size`] bytes are the segment's file, but for the `dirty` ranges of it.
    /// `raw` has the bytes of the segment's blocks.
    ///
    /// # Errors
    /// `InvalidInput` where the file before is not complete, `InvalidData` where the table is damaged.
    pub fn begin(
        &mut self,
        segment: Segment,
        raw: Box<dyn Read + Send>,
        dirty: &[Range<u64>],
    ) -> io::Result<()> {
        self.complete()?;
        segment.validate()?;
        let size = segment.size;
        let plan = Plan::new(segment, dirty);
        self.file = Some(File { plan, raw, at: 0, size, covered: 0, sum: None, buffer: Vec::new() });
        Ok(())
    }

    /// As [`Splicer::begin`], of a whole file whose CRC-32 is `sum`: its bytes are not summed up, and those that
    /// blocks stand for may be passed over.
    ///
    /// # Errors
    /// As [`Splicer::begin`].
    pub fn begin_known(&mut self, segment: Segment, raw: Box<dyn Read + Send>, sum: u32) -> io::Result<()> {
        self.begin(segment, raw, &[])?;
        self.file.iter_mut().for_each(|file| file.sum = Some(sum));
        Ok(())
    }

    /// Goes on as if the next `count` bytes had been written, all of which blocks stand for ([`Segment::covered`]).
    ///
    /// # Errors
    /// The writer's; `InvalidInput` where a byte must be written, or the file's sum is not known.
    pub fn pass(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            self.cover()?;
            let file = self.file.as_mut().filter(|file| file.sum.is_some() && file.at < file.covered);
            let Some(file) = file else {
                let text = "no block stands for bytes that were passed over";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            };
            let step = count.min(file.covered - file.at);
            file.at += step;
            self.total = self.total.wrapping_add(step);
            count -= step;
            self.sum_up();
        }
        Ok(())
    }

    /// How many plain bytes did not have to be compressed up to now.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Ends the blob and gives the writer back.
    ///
    /// # Errors
    /// The writer's; `InvalidInput` where the last file is not complete.
    pub fn finish(mut self) -> io::Result<W> {
        self.complete()?;
        self.literal.end(&mut self.out)?;
        // The last block: fixed, and nothing but its end.
        self.out.bits(0b011, 3);
        self.out.bits(0, 7);
        self.out.align();
        self.out.bytes(&self.crc.sum().to_le_bytes())?;
        self.out.bytes(&(self.total as u32).to_le_bytes())?;
        self.out.finish()
    }

    fn complete(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(file) if file.at < file.size => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "a spliced file is shorter than announced"))
            }
            _ => Ok(()),
        }
    }

    /// Copies the blocks that begin here: those without output, and one that has some.
    fn cover(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|file| file.at < file.size) else { return Ok(()) };
        while file.at >= file.covered
            && let Some(block) = file.plan.at(file.at)
        {
            self.literal.end(&mut self.out)?;
            file.load(&block)?;
            emit(&mut self.out, &file.buffer, &block)?;
            file.covered = block.end();
            self.copied += u64::from(block.length);
        }
        Ok(())
    }

    /// Takes in the sum of a file that has ended.
    fn sum_up(&mut self) {
        let ended = self.file.as_mut().filter(|file| file.at == file.size);
        if let Some((sum, size)) = ended.and_then(|file| Some((file.sum.take()?, file.size))) {
            self.crc.combine(sum, size);
        }
    }

    /// Whether the bytes that come next are summed up already.
    fn is_known(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.at < file.size && file.sum.is_some())
    }

    /// Writes some of `bytes` in one way, and says how many.
    fn part(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cover()?;
        let Some(file) = self.file.as_mut().filter(|file| file.at < file.size) else {
            self.literal.write(bytes, &mut self.out)?;
            return Ok(bytes.len());
        };
        let covered = file.at < file.covered;
        let to = if covered { file.covered } else { file.plan.next().unwrap_or(file.size) };
        let count = bytes.len().min(usize::try_from(to - file.at).unwrap_or(usize::MAX));
        file.at += count as u64;
        if !covered {
            self.literal.write(&bytes[..count], &mut self.out)?;
        }
        Ok(count)
    }
}

impl File {
    /// Reads the bytes of `block`, which the plan has come to.
    fn load(&mut self, block: &Block) -> io::Result<()> {
        let skip = self.plan.skipped();
        if io::copy(&mut self.raw.by_ref().take(skip), &mut io::sink())? < skip {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.resize(block.bytes(), 0);
        self.raw.read_exact(&mut self.buffer)
    }
}

/// Writes a block; a stored one is put to the bytes where it comes to lie.
fn emit<W: Write>(out: &mut BitSink<W>, bytes: &[u8], block: &Block) -> io::Result<()> {
    let first = usize::from(block.first);
    if !block.stored {
        return out.copy(bytes, first, block.bits as usize);
    }
    out.bits(0, 3);
    out.align();
    out.bytes(&bytes[(first + 3).div_ceil(8)..])
}

impl<W: Write> Write for Splicer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        while !left.is_empty() {
            let known = self.is_known();
            let count = self.part(left)?;
            if known {
                self.sum_up();
            } else {
                self.crc.update(&left[..count]);
            }
            self.total = self.total.wrapping_add(count as u64);
            left = &left[count..];
        }
        Ok(bytes.len())
    }

    /// Does nothing: a flush in the middle would show in the compressed bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
