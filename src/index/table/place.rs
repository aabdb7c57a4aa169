//! Where a layer's table of contents is in its blob, and its JSON.
//!
//! Sources: containers/storage `pkg/chunked/internal/minimal/compression.go` (zstd:chunked), stargz-snapshotter
//! `docs/estargz.md` and `estargz/zstdchunked` (eStargz in gzip and in Zstandard).

use std::io;
use std::io::Read;
use std::ops::Range;

use super::MOST;
use crate::deflate::Gunzip;
use crate::index::OpenRange;
use crate::layer::Content;
use crate::layer::Node;
use crate::layer::decode;
use crate::oci::Compression;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::oci::media_type;

/// Length of eStargz' footer.
const FOOTER: u64 = 51;
/// The footer before and after the sixteen digits of the table's offset: a gzip member with an extra field, `SG`.
const HEAD: &[u8] = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0";
const TAIL: &[u8] = b"STARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0";
/// The table's name in the tar of its own gzip member.
const NAME: &[u8] = b"stargz.index.json";

/// Where a descriptor says that the table is.
pub(super) enum Place {
    /// These bytes of the blob are a Zstandard frame of JSON; the digest is that of the frame.
    Frame { range: Range<u64>, digest: Digest },
    /// The footer of the blob tells; the digest is that of the JSON.
    Footer { digest: Digest },
}

impl Place {
    /// What the annotations of a layer's descriptor say.
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        let notes = &layer.descriptor.annotations;
        match media_type::layer_compression(&layer.descriptor.media_type)? {
            Compression::None => None,
            Compression::Gzip => {
                let digest = notes.get("containerd.io/snapshot/stargz/toc.digest")?.parse().ok()?;
                Some(Self::Footer { digest })
            }
            Compression::Zstd => {
                let prefixes = ["io.github.containers.zstd-chunked", "io.containers.zstd-chunked"];
                prefixes.iter().find_map(|prefix| {
                    let digest = notes.get(&format!("{prefix}.manifest-checksum"))?.parse().ok()?;
                    let range = position(notes.get(&format!("{prefix}.manifest-position"))?)?;
                    Some(Self::Frame { range, digest })
                })
            }
        }
    }

    /// The digest that the table is known by.
    pub(super) const fn digest(&self) -> &Digest {
        match self {
            Self::Frame { digest, .. } | Self::Footer { digest } => digest,
        }
    }

    /// Reads the table's JSON out of a blob of `size` bytes, and says where what it lists has ended.
    pub(super) fn read<E>(&self, size: u64, open: OpenRange<'_, E>) -> Option<(Vec<u8>, u64)> {
        let get = |range: Range<u64>| {
            let within = range.start < range.end && range.end <= size && range.end - range.start <= MOST;
            let mut bytes = Vec::new();
            open(Some(range).filter(|_| within)?).ok()?.read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        match self {
            Self::Frame { range, digest } => {
                let packed = get(range.clone()).filter(|packed| Digest::of(packed) == *digest)?;
                let frame = zstd::stream::read::Decoder::new(packed.as_slice()).ok()?;
                Some((bounded(frame)?, range.start))
            }
            Self::Footer { digest } => {
                let at = offset(&get(size.checked_sub(FOOTER)?..size)?)?;
                let member = get(at..size - FOOTER)?;
                let json = unpacked(&member).filter(|json| Digest::of(json) == *digest)?;
                Some((json, at))
            }
        }
    }
}

/// `<offset>:<length>:<length when unpacked>:1`.
fn position(text: &str) -> Option<Range<u64>> {
    let numbers = text.split(':').map(|part| part.parse().ok());
    match numbers.collect::<Option<Vec<u64>>>()?.as_slice() {
        [offset, length, _, 1] => Some(*offset..offset.checked_add(*length)?),
        _ => None,
    }
}

/// The offset in an eStargz footer.
fn offset(footer: &[u8]) -> Option<u64> {
    let digits = footer.strip_prefix(HEAD)?.strip_suffix(TAIL)?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// The JSON in a gzip member of a tar of one file.
fn unpacked(member: &[u8]) -> Option<Vec<u8>> {
    let tar = bounded(Gunzip::new(member))?;
    let mut json = None;
    let decoded = decode::decode(&mut tar.as_slice(), &mut |path, entry, file| {
        if path.as_bytes() == NAME && matches!(entry.node, Node::File(Content::InLayer { .. })) {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            json = Some(bytes);
        }
        Ok::<(), io::Error>(())
    });
    decoded.ok().and(json)
}

fn bounded(reader: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MOST).then_some(bytes)
}
