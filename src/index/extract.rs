//! Files out of the middle of a layer, without the rest of it being read.
//!
//! What comes is verified by what an earlier full pass has left: by the file's own digest where that is known, else
//! by the anchors of the blob's digest around the bytes.

use std::collections::BTreeMap;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use super::Error;
use super::access::Access;
use super::access::SPACING;
use super::access::Start;
use super::access::Way;
use super::ahead::Ahead;
use super::ahead::ROOM;
use super::arrival::Arrival;
use super::blob::Span;
use super::extracts;
use super::extracts::Extract;
use super::side::side_by_side;
use super::spool;
use super::taking::Taking;
use super::word::Word;
use crate::deflate::Gunzip;
use crate::deflate::Handle;
use crate::layer::frames::Frames;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::store::Store;
use crate::transport::merge::GAP;
use crate::transport::merge::merge;

/// Gives a range of the layer's blob.
pub type OpenRange<'a, E> = &'a (dyn Fn(Range<u64>) -> Result<Box<dyn Read + Send>, E> + Sync);

/// Shortest part of the blob, in bytes, that is worth a thread and a request of its own.
const PART: u64 = 16 << 20;

/// A file that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its length in bytes.
    pub size: u64,
    /// Its digest, when that is known from a trusted source.
    pub digest: Option<Digest>,
    /// Who follows it.
    pub arrival: Option<Arc<Arrival>>,
}

impl Wanted {
    /// A file of `size` bytes that nobody follows.
    #[must_use]
    pub const fn new(size: u64, digest: Option<Digest>) -> Self {
        Self { size, digest, arrival: None }
    }
}

/// Neighbours that are fetched in one go.
struct Run {
    way: Way,
    files: BTreeMap<u64, Wanted>,
    /// Whether the anchors around it have to say that the bytes are right.
    unsure: bool,
}

/// Takes files, by offset in the tar, out of a layer that an earlier pass has read whole; fetches only what leads to
/// them. `None`: there is no way to one of them. `word` says who says that they are there, and how to get there: of
/// others' words, only digests that come with `wanted` make the bytes sure.
///
/// # Errors
/// The bytes cannot be had, or are not those of the layer's digest: then nothing of it is remembered.
pub fn extract<E: std::error::Error + Send + 'static>(
    store: &Store,
    layer: &Layer,
    (access, word): (&Access, Word),
    wanted: &BTreeMap<u64, Wanted>,
    open: OpenRange<'_, E>,
) -> Result<Option<BTreeMap<u64, Extract>>, Error<E>> {
    let Some(runs) = runs(access, layer.descriptor.size, wanted) else {
        return Ok(None);
    };
    let found = side_by_side(&runs, |run: &Run| take(store, layer, access, run, open))?;
    let kept = extracts::remember(store, &layer.descriptor.digest, &found, word);
    kept.map_err(|source| Error::Store { layer: layer.descriptor.digest, source })?;
    Ok(Some(found))
}

/// Neighbours together, in the order of the blob.
fn runs(access: &Access, size: u64, wanted: &BTreeMap<u64, Wanted>) -> Option<Vec<Run>> {
    let ways =
        wanted.iter().map(|(offset, file)| access.way(&(*offset..offset.checked_add(file.size)?), size));
    let ways = ways.collect::<Option<Vec<Way>>>()?;
    let ranges: Vec<Range<u64>> = ways.iter().map(|way| way.bytes.clone()).collect();
    let all: Vec<(&u64, &Wanted)> = wanted.iter().collect();
    let runs = merge(&ranges, GAP).into_iter().flat_map(|mut read| {
        // The first to begin in the blob is the first in the tar: one decoder goes from there through all of them.
        read.holds.sort_unstable();
        parted(&read.holds, &ways, &all)
    });
    Some(runs.collect())
}

/// The runs of files, by their numbers, whose ways are neighbours. Where the files' own digests say that bytes are right,
/// a way that begins [`PART`] or more behind the beginning of a run is the next run's: nothing but its first block is
/// fetched twice. Anchors lie far apart, so that what they have to vouch for stays together.
fn parted(numbers: &[usize], ways: &[Way], all: &[(&u64, &Wanted)]) -> Vec<Run> {
    let files = numbers.iter().filter_map(|number| Some((ways.get(*number)?, all.get(*number)?)));
    let unsure = files.clone().any(|(_, (_, file))| file.digest.is_none());
    let mut runs: Vec<Run> = Vec::new();
    for (way, (offset, file)) in files {
        match runs.last_mut() {
            Some(run) if unsure || way.bytes.start - run.way.bytes.start < PART => {
                run.way.bytes.end = run.way.bytes.end.max(way.bytes.end);
                run.files.insert(**offset, (*file).clone());
            }
            _ => {
                let files = BTreeMap::from([(**offset, (*file).clone())]);
                runs.push(Run { way: way.clone(), files, unsure });
            }
        }
    }
    runs
}

fn take<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    access: &Access,
    run: &Run,
    open: OpenRange<'_, E>,
) -> Result<BTreeMap<u64, Extract>, Error<E>> {
    let digest = layer.descriptor.digest;
    let read = |source| Error::Read { layer: digest, source };
    let bytes = &run.way.bytes;
    let around = access.around(bytes).filter(|_| run.unsure);
    if run.unsure && around.is_none() {
        return Err(read(io::Error::other("its index has no anchors")));
    }
    let range = around.map_or_else(|| bytes.clone(), |(from, until)| from.offset..until.offset);
    let inner = open(range.clone()).map_err(|source| Error::Open { layer: digest, source })?;
    let inner: Box<dyn Read + Send> = match around {
        Some((from, until)) => {
            let span = Span::new(inner, from, until);
            Box::new(span.ok_or_else(|| read(io::Error::other("an anchor of its index is none")))?)
        }
        None => inner,
    };
    let mut ahead = Ahead::new(inner, ROOM).map_err(read)?;
    copy(&mut ahead, bytes.start - range.start, &mut io::sink()).map_err(read)?;
    let found = decode(store, run, &mut ahead).map_err(read)?;
    if around.is_some() {
        // The last bytes say whether all of them were right.
        io::copy(&mut ahead, &mut io::sink()).map_err(read)?;
    }
    Ok(found)
}

/// Takes the files of a run out of its bytes.
fn decode(store: &Store, run: &Run, bytes: &mut dyn Read) -> io::Result<BTreeMap<u64, Extract>> {
    match &run.way.start {
        Start::Tar => files(store, &run.files, bytes, None, run.way.out),
        Start::Gzip(restart) => {
            let (mut gunzip, handle) = Gunzip::resume(bytes, restart)?.watched(SPACING);
            files(store, &run.files, &mut gunzip, Some(&handle), restart.out)
        }
        Start::Zstd => {
            let mut frames = Frames::new(BufReader::with_capacity(ROOM.chunk, bytes))?;
            files(store, &run.files, &mut frames, None, run.way.out)
        }
    }
}

/// Takes files out of a tar, of which byte `at` comes next, into the store.
pub(super) fn files(
    store: &Store,
    wanted: &BTreeMap<u64, Wanted>,
    tar: &mut dyn Read,
    handle: Option<&Handle>,
    mut at: u64,
) -> io::Result<BTreeMap<u64, Extract>> {
    let mut found = BTreeMap::new();
    for (offset, file) in wanted {
        copy(tar, offset.checked_sub(at).ok_or_else(|| outside(*offset))?, &mut io::sink())?;
        let mut taking = Taking::begin(store, handle, *offset, file).map_err(io::Error::other)?;
        copy(tar, file.size, &mut taking)?;
        found.insert(*offset, taking.finish()?);
        at = offset + file.size;
    }
    Ok(found)
}

/// Copies exactly so many bytes.
pub(super) fn copy(reader: &mut dyn Read, count: u64, out: &mut dyn Write) -> io::Result<()> {
    if spool::copy(reader, count, out)? == count { Ok(()) } else { Err(outside(count)) }
}

pub(super) fn outside(place: u64) -> io::Error {
    let text = format!("a file at or of {place} bytes is not inside the tar");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_fetched_once_for_each_file() {
        const MIB: u64 = 1 << 20;
        let digest = Some(Digest::of(b""));
        let runs = |ways: &[(u64, u64)], digest| {
            let way = |(start, end): &(u64, u64)| Way { bytes: *start..*end, out: 0, start: Start::Zstd };
            let wanted: BTreeMap<u64, Wanted> =
                (0..ways.len()).map(|number| (number as u64, Wanted::new(1, digest))).collect();
            let ways: Vec<Way> = ways.iter().map(way).collect();
            let all: Vec<(&u64, &Wanted)> = wanted.iter().collect();
            let runs = parted(&(0..ways.len()).collect::<Vec<_>>(), &ways, &all);
            runs.into_iter().map(|run| (run.way.bytes, run.files.len())).collect::<Vec<_>>()
        };
        // A Zstandard layer of one frame: there is one way to all files.
        let whole = [(0, 500 * MIB); 3];
        assert_eq!(runs(&whole, digest), [(0..500 * MIB, 3)]);
        // A large file, small ones behind its restart point, and one far enough for a run of its own.
        let ways = [(0, 40 * MIB), (0, 41 * MIB), (39 * MIB, 60 * MIB), (39 * MIB, 61 * MIB)];
        assert_eq!(runs(&ways, digest), [(0..41 * MIB, 2), (39 * MIB..61 * MIB, 2)]);
        assert_eq!(runs(&ways, None), [(0..61 * MIB, 4)]);
    }
}
