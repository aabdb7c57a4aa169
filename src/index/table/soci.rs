//! SOCI's table of a gzip layer, a zTOC: the files of the tar, and places where inflating can begin.
//!
//! Sources: soci-snapshotter `ztoc/fbs/ztoc.fbs` (the fields by number), `ztoc/compression/gzip_zinfo.[ch]` (checkpoints).

use std::collections::BTreeMap;

use super::entries::LONGEST;
use super::entries::seconds;
use super::flat::Buffer;
use super::flat::Table;
use crate::deflate::Restart;
use crate::deflate::Window;
use crate::index::Access;
use crate::index::LayerIndex;
use crate::index::Word;
use crate::index::access::Wrapping;
use crate::index::note;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::layer::decode;
use crate::oci::ImagePath;
use crate::oci::Layer;
use crate::store::Store;

/// The version that is written since SOCI has releases.
const VERSION: &[u8] = b"0.9";
/// Bytes of one checkpoint: offsets in blob and tar, bits, window.
const CHECKPOINT: usize = 8 + 8 + 1 + WINDOW;
const WINDOW: usize = 32 << 10;
const XATTR: &[u8] = b"SCHILY.xattr.";

/// What a zTOC says of a layer, in an index' place: with names and no facts. The way to the files is noted as others'
/// word, unless there is one.
#[must_use]
pub fn lend(store: &Store, layer: &Layer, ztoc: &[u8]) -> Option<LayerIndex> {
    let digest = &layer.descriptor.digest;
    let (changeset, access) = parse(ztoc, layer.descriptor.size)?;
    if !note::has_access(store, digest, Word::Lent) {
        note::save_access(store, digest, &access, Word::Lent).ok()?;
    }
    Some(LayerIndex::listed(changeset, layer))
}

/// What a zTOC says of a gzip layer of `size` bytes: a stranger's word, as every table's. Offsets are those of the tar;
/// the access has no anchors, so that it leads only to files whose digests are known. `None`: it is of another layer,
/// version or compression, or says what cannot be.
#[must_use]
pub fn parse(ztoc: &[u8], size: u64) -> Option<(Changeset, Access)> {
    let buffer = Buffer::new(ztoc);
    let root = buffer.root()?;
    let (info, tar) = (root.table(5)?, root.long(3)?);
    let gzip = info.byte(0, 1)? == 1;
    if root.bytes(0)? != VERSION || root.long(2)? != size || !gzip || tar.max(size) >= LONGEST {
        return None;
    }
    let restarts = restarts(info.bytes(3)?, size)?;
    // One by one: there is a bound for how many a layer may have.
    let mut all_are = true;
    let entries = root.table(4)?.tables(0)?.map_while(|entry| {
        let entry = entry.and_then(|entry| listed(entry, tar));
        all_are &= entry.is_some();
        entry
    });
    let changes = decode::listed(entries).ok()?;
    let wrapping = Wrapping::Gzip { restarts, ends: BTreeMap::new() };
    all_are.then_some((changes, Access { anchors: Vec::new(), wrapping }))
}

/// The checkpoints. The first is the blob's beginning, whatever it says; older versions leave it out.
fn restarts(bytes: &[u8], size: u64) -> Option<Vec<Restart>> {
    let count = u32::from_le_bytes(bytes.first_chunk().copied()?);
    let (points, rest) = bytes.get(12..)?.as_chunks::<CHECKPOINT>();
    let count = usize::try_from(count).ok().filter(|count| *count > 0 && rest.is_empty())?;
    let skipped = match points.len() {
        all if all == count => 1,
        all if all + 1 == count => 0,
        _ => return None,
    };
    let mut restarts = vec![Restart { bit: 0, out: 0, window: None }];
    for point in &points[skipped..] {
        let number = |at: usize| Some(u64::from_le_bytes(point.get(at..at + 8)?.try_into().ok()?));
        let (byte, out, bits) = (number(0)?, number(8)?, u64::from(point[16]));
        let window: &[u8; WINDOW] = point.last_chunk()?;
        let bit = Some(byte).filter(|byte| *byte <= size && bits < 8)?.checked_mul(8)?.checked_sub(bits)?;
        let last = restarts.last()?;
        // They come in order, and each holds all of its window.
        if bit <= last.bit || out <= last.out || out >= LONGEST {
            return None;
        }
        restarts.push(Restart { bit, out, window: Some(Window::whole(window)) });
    }
    Some(restarts)
}

fn listed(entry: Table<'_>, tar: u64) -> Option<(ImagePath, Entry)> {
    let path = |number: usize| ImagePath::from_tar(entry.bytes(number)?).ok();
    let device = |number: usize| u32::try_from(entry.long(number)?).ok();
    let node = match entry.bytes(1)? {
        b"reg" => {
            let (offset, size) = (entry.long(2)?, entry.long(3)?);
            Node::File(Content::InLayer {
                offset,
                size: Some(size).filter(|_| offset.checked_add(size) <= Some(tar))?,
            })
        }
        b"dir" => Node::Directory,
        b"symlink" => Node::Symlink(entry.bytes(4)?.to_vec()),
        b"hardlink" => Node::Hardlink(path(4)?),
        b"char" => Node::CharDevice(device(11)?, device(12)?),
        b"block" => Node::BlockDevice(device(11)?, device(12)?),
        b"fifo" => Node::Fifo,
        _ => return None,
    };
    let mut xattrs = BTreeMap::new();
    for record in entry.tables(13)? {
        let record = record?;
        if let Some(name) = record.bytes(0)?.strip_prefix(XATTR) {
            xattrs.insert(name.to_vec(), record.bytes(1)?.to_vec());
        }
    }
    let mode = u32::try_from(entry.long(5)? & 0o7777).ok()?;
    let mtime = seconds(std::str::from_utf8(entry.bytes(10)?).ok()?)?;
    let (uid, gid) = (u64::from(entry.int(6)?), u64::from(entry.int(7)?));
    Some((path(0)?, Entry { meta: Meta { mode, uid, gid, mtime, xattrs }, node }))
}
