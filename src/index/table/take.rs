//! Files out of a layer by its own table of contents.

use std::collections::BTreeMap;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::ops::Range;

use super::BASE;
use super::Member;
use crate::deflate::Gunzip;
use crate::deflate::Restart;
use crate::index::Error;
use crate::index::Extract;
use crate::index::OpenRange;
use crate::index::Wanted;
use crate::index::Word;
use crate::index::access::SPACING;
use crate::index::ahead::Ahead;
use crate::index::ahead::ROOM;
use crate::index::extract::copy;
use crate::index::extract::files;
use crate::index::extract::outside;
use crate::index::extracts;
use crate::index::note;
use crate::index::side::side_by_side;
use crate::layer::frames::Frames;
use crate::oci::Compression;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::oci::media_type;
use crate::store::Store;
use crate::transport::merge::GAP;

/// The files that begin in one member, by their offsets.
type Group = (Member, BTreeMap<u64, Wanted>);

/// Takes files out of a layer of which a table was obtained before. Each of them must have a digest that is known from
/// a trusted source, as a table is none.
///
/// # Errors
/// The bytes cannot be had, or are not those of the digests: then the table is wrong, and is forgotten.
pub fn take<E: std::error::Error + Send + 'static>(
    store: &Store,
    layer: &Layer,
    wanted: &BTreeMap<u64, Wanted>,
    open: OpenRange<'_, E>,
) -> Result<BTreeMap<u64, Extract>, Error<E>> {
    let digest = layer.descriptor.digest;
    let outcome = take_all(store, layer, wanted, open);
    match &outcome {
        Ok(found) => {
            let kept = extracts::remember(store, &digest, found, Word::Lent);
            kept.map_err(|source| Error::Store { layer: digest, source })?;
        }
        Err(_) => note::forget_table(store, &digest),
    }
    outcome
}

fn take_all<E: std::error::Error + Send + 'static>(
    store: &Store,
    layer: &Layer,
    wanted: &BTreeMap<u64, Wanted>,
    open: OpenRange<'_, E>,
) -> Result<BTreeMap<u64, Extract>, Error<E>> {
    let digest = layer.descriptor.digest;
    let mut wanted = wanted.clone();
    // Files without bytes are in no member.
    let nothing = wanted
        .remove_entry(&BASE)
        .map(|file| files(store, &BTreeMap::from([file]), &mut io::empty(), None, BASE));
    let read = |source| Error::Read { layer: digest, source };
    let runs = runs(store, &digest, &wanted).map_err(read)?;
    let mut found = side_by_side(&runs, |run: &Vec<Group>| one(store, layer, run, open))?;
    found.extend(nothing.transpose().map_err(read)?.unwrap_or_default());
    Ok(found)
}

/// Groups in the order of the blob, near neighbours together.
fn runs(store: &Store, layer: &Digest, wanted: &BTreeMap<u64, Wanted>) -> io::Result<Vec<Vec<Group>>> {
    let table =
        note::load_table(store, layer).ok_or_else(|| io::Error::other("there is no table any more"))?;
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (offset, file) in wanted {
        if file.digest.is_none() {
            return Err(io::Error::other("a table of contents does not say that bytes are right"));
        }
        let next = table.members.partition_point(|member| member.out <= *offset);
        let found = next.checked_sub(1).and_then(|number| Some((number, table.members.get(number)?)));
        let (number, member) = found.ok_or_else(|| outside(*offset))?;
        groups.entry(number).or_insert_with(|| (*member, BTreeMap::new())).1.insert(*offset, file.clone());
    }
    let mut runs: Vec<Vec<Group>> = Vec::new();
    let mut end = 0;
    for group in groups.into_values() {
        let (start, ended) = (group.0.start, group.0.end);
        match runs.last_mut() {
            Some(run) if end <= start && start - end < GAP => run.push(group),
            _ => runs.push(vec![group]),
        }
        end = ended;
    }
    Ok(runs)
}

fn one<E: std::error::Error + 'static>(
    store: &Store,
    layer: &Layer,
    run: &[Group],
    open: OpenRange<'_, E>,
) -> Result<BTreeMap<u64, Extract>, Error<E>> {
    let digest = layer.descriptor.digest;
    let read = |source| Error::Read { layer: digest, source };
    let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else {
        return Ok(BTreeMap::new());
    };
    let range: Range<u64> = first.start..last.end;
    let inner = open(range).map_err(|source| Error::Open { layer: digest, source })?;
    let mut ahead = Ahead::new(inner, ROOM).map_err(read)?;
    let (mut at, mut found) = (first.start, BTreeMap::new());
    for (member, wanted) in run {
        let gap = member.start.checked_sub(at).ok_or_else(|| read(outside(member.start)))?;
        copy(&mut ahead, gap, &mut io::sink()).map_err(read)?;
        let mut bytes = (&mut ahead).take(member.end - member.start);
        found.extend(decode(store, layer, member, wanted, &mut bytes).map_err(read)?);
        io::copy(&mut bytes, &mut io::sink()).map_err(read)?;
        at = member.end;
    }
    Ok(found)
}

/// Takes the files that begin in a member out of its bytes and those of the ones that follow.
fn decode(
    store: &Store,
    layer: &Layer,
    member: &Member,
    wanted: &BTreeMap<u64, Wanted>,
    bytes: &mut dyn Read,
) -> io::Result<BTreeMap<u64, Extract>> {
    if media_type::layer_compression(&layer.descriptor.media_type) == Some(Compression::Gzip) {
        let restart = Restart { bit: member.start * 8, out: member.out, window: None };
        let (mut gunzip, handle) = Gunzip::resume(bytes, &restart)?.watched(SPACING);
        return files(store, wanted, &mut gunzip, Some(&handle), member.out);
    }
    let mut frames = Frames::new(BufReader::with_capacity(ROOM.chunk, bytes))?;
    files(store, wanted, &mut frames, None, member.out)
}
