//! SHA-256 names of bytes, and readers and writers that compute them. The only file that names `sha2`.
//!
//! Grammar: OCI image-spec `descriptor.md`, "Digests". Only `sha256` is accepted: it is the one
//! algorithm that every implementation must have, and the only one in use.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use sha2::Digest as _;
use sha2::digest::common::hazmat::SerializableState;

use crate::hint::Hint;

/// The SHA-256 of some bytes: what a descriptor calls its digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of a layer's *uncompressed* tar (image-spec `config.md`), kept apart from the blob's own digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

/// A text that is no digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a sha256 digest")]
pub struct DigestError(String);

impl Hint for DigestError {
    fn hint(&self) -> Option<String> {
        Some("write `sha256:` and 64 lower-case hexadecimal digits".to_owned())
    }
}

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Makes a digest of its 32 raw bytes.
    #[must_use]
    pub const fn from_raw(raw: [u8; 32]) -> Self {
        Self(raw)
    }

    /// The 32 raw bytes.
    #[must_use]
    pub const fn raw(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first twelve hexadecimal digits: for people, never for names of files.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || DigestError(text.chars().take(100).collect());
        let hex = text.strip_prefix("sha256:").ok_or_else(bad)?;
        if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let mut raw = [0; 32];
        for (byte, pair) in raw.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(raw))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            Serialize::serialize(&self.0, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32] as Deserialize>::deserialize(deserializer).map(Self)
        }
    }
}

/// Counts and hashes bytes as they come.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    state: sha2::Sha256,
    length: u64,
}

impl Hasher {
    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes were taken in.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all bytes taken in so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(self.state.clone().finalize().into())
    }

    /// All that is known of the bytes taken in so far, to go on from. Two hashers have the same state only when they
    /// have taken in the same bytes: who meets a second state after a first has seen the bytes between them.
    #[must_use]
    pub fn state(&self) -> HashState {
        HashState(self.state.serialize().to_vec())
    }

    /// A hasher that goes on from a state after `length` bytes; `None` when it is no state.
    #[must_use]
    pub fn resume(state: &HashState, length: u64) -> Option<Self> {
        let bytes = state.0.as_slice().try_into().ok()?;
        let state = sha2::Sha256::deserialize(bytes).ok()?;
        Some(Self { state, length })
    }
}

/// The inside of a [`Hasher`] in the middle of its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashState(Vec<u8>);

/// Hashes what is read or written through it.
#[derive(Debug)]
pub struct Hashing<T> {
    inner: T,
    hasher: Hasher,
}

impl<T> Hashing<T> {
    /// Wraps a reader or a writer.
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: Hasher::default() }
    }

    /// What has passed so far.
    pub const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The wrapped value.
    pub const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The wrapped value and what has passed through it.
    pub fn into_parts(self) -> (T, Hasher) {
        (self.inner, self.hasher)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1: the digest of `abc`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn text_and_bytes_agree() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse(), Ok(Digest::of(b"abc")));
    }

    #[test]
    fn only_lower_case_sha256_is_a_digest() {
        for bad in ["", "abc", "sha256:", "sha512:00", &ABC.to_uppercase(), &ABC[..70], &format!("{ABC}0")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hashing_goes_on_from_a_state() {
        let (mut whole, mut first) = (Hasher::default(), Hasher::default());
        let bytes: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
        whole.update(&bytes);
        first.update(&bytes[..777]);
        let mut second = Hasher::resume(&first.state(), first.length()).unwrap();
        second.update(&bytes[777..]);
        assert_eq!((second.digest(), second.length()), (whole.digest(), 1000));
        assert_eq!(second.state(), whole.state());
        assert_ne!(first.state(), whole.state());
        assert!(Hasher::resume(&HashState(vec![1, 2, 3]), 3).is_none());
        assert!(Hasher::resume(&HashState(vec![0xff; whole.state().0.len()]), 3).is_none());
    }

    #[test]
    fn a_reader_and_a_writer_hash_what_passes() {
        let mut reader = Hashing::new(&b"abc"[..]);
        let mut writer = Hashing::new(Vec::new());
        io::copy(&mut reader, &mut writer).unwrap();
        assert_eq!(reader.hasher().digest().to_string(), ABC);
        assert_eq!(writer.hasher().digest().to_string(), ABC);
        assert_eq!(writer.hasher().length(), 3);
    }
}
