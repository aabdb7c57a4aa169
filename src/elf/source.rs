//! Bounded access to a file by offset and by address: nothing is read or allocated that the file does not back.

use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use super::Error;

/// Longest single table that is taken into memory: string tables; everything else is read piece by piece.
const LONGEST: u64 = 256 << 20;

/// A piece of the file that `PT_LOAD` maps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// First address.
    pub(super) address: u64,
    /// Where its bytes are in the file.
    pub(super) offset: u64,
    /// How many bytes the file has of it.
    pub(super) length: u64,
    /// `p_flags`.
    pub(super) flags: u32,
}

/// A file with its word size, byte order and mapping.
pub(super) struct Source<'a, R> {
    file: &'a mut R,
    size: u64,
    /// 64-bit words.
    pub(super) wide: bool,
    /// Little-endian.
    pub(super) little: bool,
    pub(super) segments: Vec<Segment>,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    pub(super) fn new(file: &'a mut R, size: u64) -> Self {
        Self { file, size, wide: true, little: true, segments: Vec::new() }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Up to `length` bytes at a file offset; fewer where the file ends.
    pub(super) fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let length = length.min(self.size.saturating_sub(offset)).min(LONGEST);
        self.file.seek(SeekFrom::Start(offset)).map_err(Error::Read)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(1 << 20)).unwrap_or(0));
        (&mut *self.file).take(length).read_to_end(&mut bytes).map_err(Error::Read)?;
        Ok(bytes)
    }

    /// Where `address` is in the file, and how many bytes follow it there.
    pub(super) fn place(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            let left = segment.length.checked_sub(inside).filter(|left| *left > 0)?;
            let offset = segment.offset.checked_add(inside)?;
            let left = left.min(self.size.checked_sub(offset)?);
            (left > 0).then_some((offset, left))
        })
    }

    /// Up to `length` bytes at an address; fewer where the segment or the file ends.
    pub(super) fn at(&mut self, address: u64, length: u64, what: &'static str) -> Result<Vec<u8>, Error> {
        let (offset, left) = self.place(address).ok_or(Error::Outside { what })?;
        self.bytes(offset, length.min(left))
    }

    /// Hands out a table of `count` entries of `entry` bytes each, piece by piece, with each entry's number.
    pub(super) fn entries(
        &mut self,
        address: u64,
        entry: u64,
        count: u64,
        what: &'static str,
        each: &mut dyn FnMut(u64, Fields<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        let (offset, left) = self.place(address).ok_or(Error::Outside { what })?;
        if count.checked_mul(entry).is_none_or(|length| length > left) {
            return Err(Error::Outside { what });
        }
        let batch = (1 << 18) / entry;
        let mut done = 0;
        while done < count {
            let now = batch.min(count - done);
            let bytes = self.bytes(offset + done * entry, now * entry)?;
            for (number, piece) in (done..).zip(bytes.chunks_exact(usize::try_from(entry).unwrap_or(1))) {
                if !each(number, self.fields(piece))? {
                    return Ok(());
                }
            }
            done += now;
        }
        Ok(())
    }

    /// `bytes` with the file's own word size and byte order.
    pub(super) const fn fields<'b>(&self, bytes: &'b [u8]) -> Fields<'b> {
        Fields { bytes, wide: self.wide, little: self.little }
    }

    /// Bytes in a word: 8 or 4.
    pub(super) const fn word(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }
}

/// Numbers out of bytes. What is past the end reads as zero: lengths are checked where tables are found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    wide: bool,
    little: bool,
}

impl<'a> Fields<'a> {
    /// Bytes of a file of this class and order.
    pub(super) const fn new(bytes: &'a [u8], wide: bool, little: bool) -> Self {
        Self { bytes, wide, little }
    }
}

impl Fields<'_> {
    fn number(self, at: usize, length: usize) -> u64 {
        let Some(bytes) = at.checked_add(length).and_then(|end| self.bytes.get(at..end)) else {
            return 0;
        };
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "two bytes were read")]
    pub(super) fn half(self, at: usize) -> u16 {
        self.number(at, 2) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "four bytes were read")]
    pub(super) fn int(self, at: usize) -> u32 {
        self.number(at, 4) as u32
    }

    /// Eight bytes at `at`, whatever the file's class.
    pub(super) fn long(self, at: usize) -> u64 {
        self.number(at, 8)
    }

    /// A word of the file's class at `at`.
    pub(super) fn word(self, at: usize) -> u64 {
        self.number(at, if self.wide { 8 } else { 4 })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn addresses_map_only_to_what_the_file_has() {
        let mut file = Cursor::new(vec![0; 100]);
        let mut source = Source::new(&mut file, 100);
        for (address, offset, length) in [(0x1000, 0, 50), (0x2000, 80, 500), (u64::MAX - 4, 0, 90)] {
            source.segments.push(Segment { address, offset, length, flags: 4 });
        }
        for (address, want) in [
            (0x1000, Some((0, 50))),
            (0x1031, Some((49, 1))),
            (0x1032, None),
            (0x2000, Some((80, 20))),
            (0x2014, None),
            (0xfff, None),
            (u64::MAX, Some((4, 86))),
        ] {
            assert_eq!(source.place(address), want, "{address:#x}");
        }
    }

    #[test]
    fn a_table_that_the_file_cannot_hold_is_refused() {
        let mut file = Cursor::new(vec![0; 100]);
        let mut source = Source::new(&mut file, 100);
        source.segments.push(Segment { address: 0, offset: 0, length: u64::MAX, flags: 4 });
        for count in [5, u64::MAX] {
            let result = source.entries(0, 24, count, "table", &mut |_, _| Ok(true));
            assert!(matches!(result, Err(Error::Outside { what: "table" })), "{count}");
        }
    }

    #[test]
    fn byte_order_and_word_size() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let fields = |wide, little| Fields { bytes: &bytes, wide, little };
        assert_eq!(fields(true, true).word(0), 0x0807_0605_0403_0201);
        assert_eq!(fields(false, false).word(0), 0x0102_0304);
        assert_eq!(fields(false, false).half(6), 0x0708);
        assert_eq!(fields(true, true).int(6), 0);
    }
}
