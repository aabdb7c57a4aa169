//! Wrapping a layer's tar: gzip (RFC 1952), Zstandard (RFC 8878) or none.
//!
//! Knows nothing of tar. What is written depends on the bytes alone, never on how they were cut into
//! `write` calls or flushed: a layer's digest must not change with the size of somebody's buffer.

use std::io;
use std::io::Write;

use flate2::GzBuilder;
use flate2::write::GzEncoder;

use crate::oci::Compression;

/// zlib-rs decides at the end of its input at levels 0, 1, 5 and 6, which makes the bytes depend on
/// the size of each `write`; the others were measured to be free of it. Level 2 is the fastest of those.
const GZIP_LEVEL: u32 = 2;
const _: () = assert!(!matches!(GZIP_LEVEL, 0 | 1 | 5 | 6));

/// The level that `zstd` itself defaults to, one thread: with workers the frame is cut differently.
const ZSTD_LEVEL: i32 = 3;

/// RFC 1952, 2.3.1: the operating system is unknown.
const GZIP_OS_UNKNOWN: u8 = 255;

/// The name of what [`writer`] makes, for lock files. It changes whenever the bytes may:
/// the golden digests in the tests below hold each name to one sequence of bytes.
#[must_use]
pub const fn format(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "tar/1",
        Compression::Gzip => "gzip-zlib-rs-2/1",
        Compression::Zstd => "zstd-3/1",
    }
}

/// Wraps a tar on its way to `W`. [`Encoder::finish`] must be called: dropping it leaves a torso.
pub struct Encoder<W: Write>(Kind<W>);

enum Kind<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

/// An encoder that writes the wrapped tar to `out`.
///
/// # Errors
/// The compressor cannot be set up.
pub fn writer<W: Write>(compression: Compression, out: W) -> io::Result<Encoder<W>> {
    Ok(Encoder(match compression {
        Compression::None => Kind::None(out),
        Compression::Gzip => Kind::Gzip(
            GzBuilder::new()
                .mtime(0)
                .operating_system(GZIP_OS_UNKNOWN)
                .write(out, flate2::Compression::new(GZIP_LEVEL)),
        ),
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            Kind::Zstd(encoder)
        }
    }))
}

impl<W: Write> Encoder<W> {
    /// Writes what is left and gives the writer back.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Kind::None(mut out) => {
                out.flush()?;
                Ok(out)
            }
            Kind::Gzip(encoder) => encoder.finish(),
            Kind::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::None(out) => out.write(bytes),
            Kind::Gzip(encoder) => encoder.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing: a flush in the middle would show in the compressed bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::io::BufReader;
    use std::io::Read;

    use flate2::bufread::GzDecoder;

    use super::*;
    use crate::layer::frames::Frames;
    use crate::oci::Digest;

    const BUFFER: usize = 64 << 10;

    /// Unwraps a layer's blob into its tar.
    ///
    /// All members of a gzip and all frames of a Zstandard file are read; checksums are verified.
    /// Reading fails with `UnexpectedEof` where the input is cut short, and with `InvalidData` where
    /// something else follows the last member.
    ///
    /// # Errors
    /// The decompressor cannot be set up.
    fn reader(compression: Compression, input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(match compression {
            Compression::None => input,
            Compression::Gzip => {
                Box::new(Members { member: Some(GzDecoder::new(BufReader::with_capacity(BUFFER, input))) })
            }
            Compression::Zstd => Box::new(Frames::new(BufReader::with_capacity(BUFFER, input))?),
        })
    }

    /// The members of a gzip, one after another (RFC 1952, 2.2).
    struct Members<R> {
        member: Option<GzDecoder<R>>,
    }

    impl<R: BufRead> Read for Members<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if buffer.is_empty() {
                return Ok(0);
            }
            while let Some(member) = &mut self.member {
                let count = member.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                let Some(ended) = self.member.take() else { break };
                let mut input = ended.into_inner();
                match input.fill_buf()?.first() {
                    None => {}
                    Some(0x1f) => self.member = Some(GzDecoder::new(input)),
                    Some(_) => {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "other data follows the end of the gzip stream",
                        ));
                    }
                }
            }
            Ok(0)
        }
    }

    const ALL: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

    /// Half repeating, half noise, and longer than any window or block.
    fn sample() -> Vec<u8> {
        let mut state = 1_u32;
        (0..1_500_000_u32)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = state.to_be_bytes()[0];
                if (at >> 12) & 1 == 0 { noise & 0x0f } else { noise }
            })
            .collect()
    }

    fn wrap(compression: Compression, bytes: &[u8], cut: usize) -> Vec<u8> {
        let mut encoder = writer(compression, Vec::new()).unwrap();
        for part in bytes.chunks(cut) {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    fn unwrap(compression: Compression, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        reader(compression, Box::new(io::Cursor::new(bytes)))?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn bytes_do_not_depend_on_the_size_of_writes() {
        let sample = sample();
        for compression in ALL {
            let whole = wrap(compression, &sample, sample.len());
            for cut in [511, 8 << 10, 65_537, 1_000_003] {
                assert!(wrap(compression, &sample, cut) == whole, "{compression:?} {cut}");
            }
            assert!(unwrap(compression, whole).unwrap() == sample, "{compression:?}");
        }
    }

    /// T27. When one of these changes, a new compressor writes other bytes: raise the number in
    /// [`format`] together with the digest here, so that lock files can tell.
    #[test]
    fn t27_the_bytes_of_a_format_never_change() {
        for (compression, name, digest) in [
            (
                Compression::Gzip,
                "gzip-zlib-rs-2/1",
                "sha256:73087d85e1f2e320db26f521f274a1a78dc31d6f1cf466eaad059f64463c8c9e",
            ),
            (
                Compression::Zstd,
                "zstd-3/1",
                "sha256:2b1a6258cce02da2b2cc8b8a9a95e0b49b70d114fdc4a7ff8ff10069c679d089",
            ),
        ] {
            assert_eq!(format(compression), name);
            assert_eq!(Digest::of(&wrap(compression, &sample(), 4096)).to_string(), digest);
        }
    }

    #[test]
    fn gzip_header_names_no_time_and_no_system() {
        assert_eq!(wrap(Compression::Gzip, b"x", 1)[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn members_and_frames_are_read_one_after_another() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let mut both = wrap(compression, b"one ", 4);
            both.extend(wrap(compression, b"", 4));
            both.extend(wrap(compression, b"two", 4));
            assert_eq!(unwrap(compression, both).unwrap(), b"one two");
        }
    }

    #[test]
    fn damage_is_noticed() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let good = wrap(compression, &sample()[..9000], 4096);
            for end in [0, 5, good.len() / 2, good.len() - 1] {
                let cut = unwrap(compression, good[..end].to_vec());
                // An empty Zstandard file has no frames, which is no error.
                assert!(
                    cut.is_err() || (end == 0 && compression == Compression::Zstd),
                    "{compression:?} {end}"
                );
            }
            let mut trailing = good.clone();
            trailing.extend(b"garbage");
            assert!(unwrap(compression, trailing).is_err(), "{compression:?}");
            let mut flipped = good;
            let middle = flipped.len() / 2;
            flipped[middle] ^= 1;
            assert!(unwrap(compression, flipped).is_err(), "{compression:?}");
        }
    }
}
