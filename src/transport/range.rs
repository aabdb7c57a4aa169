//! A part of a blob, as every place can give it: what may be asked for, and a reader that never ends early.

use std::io;
use std::io::Read;
use std::ops::Range;

use crate::oci::Descriptor;
use crate::transport::Source;
use crate::transport::error::Error;

/// The bytes of `range`, through [`Source::open`]: good for places where going to an offset costs nothing.
pub(super) fn open<S: Source + ?Sized>(
    source: &S,
    descriptor: &Descriptor,
    range: &Range<u64>,
) -> Result<Box<dyn Read + Send>, Error> {
    check(descriptor, range)?;
    if range.is_empty() {
        return Ok(Box::new(io::empty()));
    }
    let reader = source.open(descriptor, range.start)?;
    Ok(Box::new(Exactly { reader, position: range.start, end: range.end }))
}

/// Refuses a range that the blob cannot have. An empty one is fine, wherever in the blob it is.
///
/// # Errors
/// [`Error::Range`].
pub(super) fn check(descriptor: &Descriptor, range: &Range<u64>) -> Result<(), Error> {
    if range.start <= range.end && range.end <= descriptor.size {
        return Ok(());
    }
    Err(Error::Range {
        what: descriptor.digest.to_string(),
        start: range.start,
        end: range.end,
        size: descriptor.size,
    })
}

/// Reads up to `end` and no further; an end before that is an error.
struct Exactly<R> {
    reader: R,
    position: u64,
    end: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            let text = format!("the blob ends after {} bytes, {} were promised", self.position, self.end);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place that holds `held`, whatever it is asked for.
    struct Place(&'static [u8]);

    impl Source for Place {
        fn name(&self) -> String {
            "place".to_owned()
        }

        fn root(&self) -> Result<(Vec<u8>, String), Error> {
            Ok((Vec::new(), String::new()))
        }

        fn open(&self, _: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
            Ok(Box::new(&self.0[self.0.len().min(offset as usize)..]))
        }
    }

    fn read(held: &'static [u8], range: Range<u64>) -> Result<io::Result<Vec<u8>>, Error> {
        let descriptor = Descriptor::of("x/y", b"0123456789");
        let mut reader = Place(held).open_range(&descriptor, range)?;
        let mut bytes = Vec::new();
        Ok(reader.read_to_end(&mut bytes).map(|_| bytes))
    }

    #[test]
    fn the_end_is_exclusive_and_nothing_more_is_read() {
        for (range, want) in
            [(0..10, &b"0123456789"[..]), (3..7, b"3456"), (9..10, b"9"), (4..4, b""), (10..10, b"")]
        {
            assert_eq!(read(b"0123456789", range.clone()).unwrap().unwrap(), want, "{range:?}");
        }
        assert_eq!(read(b"0123456789 and more", 5..10).unwrap().unwrap(), b"56789");
    }

    #[test]
    fn a_range_outside_the_blob_is_not_asked_for() {
        for range in [0..11, 11..12, Range { start: 7, end: 3 }, 0..u64::MAX] {
            let error = read(b"0123456789", range.clone()).unwrap_err();
            assert!(matches!(error, Error::Range { size: 10, .. }), "{range:?}: {error:?}");
        }
    }

    #[test]
    fn a_blob_that_is_too_short_does_not_end_quietly() {
        for range in [0..10, 2..6, 8..10] {
            let error = read(b"01234", range.clone()).unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{range:?}");
        }
        assert_eq!(read(b"01234", 2..5).unwrap().unwrap(), b"234");
    }
}
