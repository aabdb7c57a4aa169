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
    sum: Sum,
    buffer: Vec<u8>,
}

/// Whose business the CRC-32 of a file is.
#[derive(PartialEq, Eq)]
enum Sum {
    /// It is summed up here.
    Own,
    /// It will be told when the file has ended.
    Due,
    /// It was told.
    Told,
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
        segment: &Segment,
        raw: Box<dyn Read + Send>,
        dirty: &[Range<u64>],
    ) -> io::Result<()> {
        self.open(segment.size, raw, dirty, Sum::Own)?;
        self.add(&segment.blocks)
    }

    /// As [`Splicer::begin`], of a whole file of `size` bytes whose blocks are told with [`Splicer::add`] and whose
    /// CRC-32 is told with [`Splicer::sum`]: its bytes are not summed up, and those that blocks stand for may be
    /// passed over.
    ///
    /// # Errors
    /// `InvalidInput` where the file before is not complete.
    pub fn begin_known(&mut self, size: u64, raw: Box<dyn Read + Send>) -> io::Result<()> {
        self.open(size, raw, &[], Sum::Due)
    }

    fn open(
        &mut self,
        size: u64,
        raw: Box<dyn Read + Send>,
        dirty: &[Range<u64>],
        sum: Sum,
    ) -> io::Result<()> {
        self.complete()?;
        let plan = Plan::new(size, dirty);
        self.file = Some(File { plan, raw, at: 0, size, covered: 0, sum, buffer: Vec::new() });
        Ok(())
    }

    /// Says which blocks of the file come next. A block must be told before the bytes are written that it stands for.
    ///
    /// # Errors
    /// `InvalidData` where they cannot be the file's; `InvalidInput` where there is no file, or they come too late.
    pub fn add(&mut self, blocks: &[Block]) -> io::Result<()> {
        match &mut self.file {
            None => Err(misused("there is no file that blocks could be of")),
            Some(file) if blocks.first().is_some_and(|block| block.out < file.at) => {
                Err(misused("a block was told after the bytes that it stands for"))
            }
            Some(file) => file.plan.add(blocks),
        }
    }

    /// Says what the CRC-32 of the file is that [`Splicer::begin_known`] has begun and that has ended.
    ///
    /// # Errors
    /// `InvalidInput` where there is none.
    pub fn sum(&mut self, sum: u32) -> io::Result<()> {
        let due = |file: &&mut File| file.at == file.size && file.sum == Sum::Due;
        let Some(file) = self.file.as_mut().filter(due) else {
            return Err(misused("no file has ended whose sum is due"));
        };
        file.sum = Sum::Told;
        self.crc.combine(sum, file.size);
        Ok(())
    }

    /// Goes on as if the next `count` bytes had been written, all of which blocks stand for ([`covered`](super::covered)).
    ///
    /// # Errors
    /// The writer's; `InvalidInput` where a byte must be written, or the file is summed up here.
    pub fn pass(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            self.cover()?;
            let file = self.file.as_mut().filter(|file| file.sum == Sum::Due && file.at < file.covered);
            let Some(file) = file else {
                return Err(misused("no block stands for bytes that were passed over"));
            };
            let step = count.min(file.covered - file.at);
            file.at += step;
            self.total = self.total.wrapping_add(step);
            count -= step;
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
            Some(file) if file.at < file.size => Err(misused("a spliced file is shorter than announced")),
            Some(file) if file.sum == Sum::Due => Err(misused("the sum of a spliced file was not told")),
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

    /// Writes some of `bytes` in one way, and says how many.
    fn part(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cover()?;
        let Some(file) = self.file.as_mut().filter(|file| file.at < file.size) else {
            self.complete()?;
            self.literal.write(bytes, &mut self.out)?;
            self.crc.update(bytes);
            return Ok(bytes.len());
        };
        let covered = file.at < file.covered;
        let to = if covered { file.covered } else { file.plan.next().unwrap_or(file.size) };
        let count = bytes.len().min(usize::try_from(to - file.at).unwrap_or(usize::MAX));
        file.at += count as u64;
        if file.sum == Sum::Own {
            self.crc.update(&bytes[..count]);
        }
        if !covered {
            self.literal.write(&bytes[..count], &mut self.out)?;
        }
        Ok(count)
    }
}

fn misused(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
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
            let count = self.part(left)?;
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
