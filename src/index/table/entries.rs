//! The entries of a table of contents, which both formats write alike, to a changeset.
//!
//! Sources: stargz-snapshotter `estargz/types.go` (`TOCEntry`), containers/storage
//! `pkg/chunked/internal/minimal/compression.go` (`FileMetadata`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::BASE;
use super::Member;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::layer::decode;
use crate::oci::ImagePath;

/// No blob and no file is longer.
pub(super) const LONGEST: u64 = 1 << 50;

#[derive(Deserialize)]
struct Listing {
    version: u32,
    entries: Vec<Listed>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    link_name: String,
    mode: u32,
    size: u64,
    uid: u64,
    gid: u64,
    modtime: Option<String>,
    dev_major: u32,
    dev_minor: u32,
    xattrs: BTreeMap<String, String>,
    /// Where the member or frame begins that a file or a further piece of it begins in.
    offset: u64,
    /// Where the file has ended; zstd:chunked only.
    end_offset: u64,
    /// How far into what comes of the member.
    inner_offset: u64,
}

/// The changeset, and where its files are; the files are before `end` of the blob. `None`: this lists no layer.
pub(super) fn parse(json: &[u8], end: u64) -> Option<(Changeset, Vec<Member>)> {
    let listing: Listing =
        serde_json::from_slice(json).ok().filter(|listing: &Listing| listing.version == 1)?;
    let entries = listing.entries;
    let members = members(&entries, end)?;
    let mut seen = BTreeSet::new();
    let listed = entries.iter().filter(|entry| entry.kind != "chunk").map(|entry| {
        let node = node(entry, &members)?;
        // Two files at one place: one of them is elsewhere.
        let twice =
            matches!(node, Node::File(Content::InLayer { offset, size }) if size > 0 && !seen.insert(offset));
        let (path, meta) = (path(&entry.name)?, meta(entry)?);
        (!twice).then_some((path, Entry { meta, node }))
    });
    let listed = listed.collect::<Option<Vec<_>>>()?;
    Some((decode::listed(listed.into_iter()).ok()?, members.into_values().collect()))
}

/// The members that files begin in, by their starts.
fn members(entries: &[Listed], end: u64) -> Option<BTreeMap<u64, Member>> {
    let starts: BTreeSet<u64> = entries.iter().map(|entry| entry.offset).filter(|start| *start > 0).collect();
    let after =
        |start: u64| starts.range((Bound::Excluded(start), Bound::Unbounded)).next().copied().unwrap_or(end);
    // Of each member, where the last of its files has ended, and how much comes of it.
    let mut extents: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (number, file) in
        entries.iter().enumerate().filter(|(_, entry)| entry.kind == "reg" && entry.size > 0)
    {
        let pieces = entries[number + 1..].iter().take_while(|entry| entry.kind == "chunk");
        let last = pieces.map(|piece| piece.offset).max().unwrap_or(0).max(file.offset);
        let ended = if file.end_offset > 0 { file.end_offset } else { after(last) };
        let length = file.inner_offset.checked_add(file.size)?;
        let possible =
            file.offset > 0 && file.offset < ended && ended <= end && end < LONGEST && length < LONGEST;
        let extent = extents.entry(Some(file.offset).filter(|_| possible)?).or_default();
        *extent = (extent.0.max(ended), extent.1.max(length));
    }
    // At the base itself are files without bytes.
    let mut out = BASE + 1;
    let place = |(start, (ended, length)): (u64, (u64, u64))| {
        let member = Member { start, end: ended, out };
        out = out.checked_add(length).filter(|out| out >> 56 == 0)?;
        Some((start, member))
    };
    extents.into_iter().map(place).collect()
}

fn node(entry: &Listed, members: &BTreeMap<u64, Member>) -> Option<Node> {
    Some(match entry.kind.as_str() {
        "dir" => Node::Directory,
        "reg" if entry.size == 0 => Node::File(Content::InLayer { offset: BASE, size: 0 }),
        "reg" => {
            let offset = members.get(&entry.offset)?.out + entry.inner_offset;
            Node::File(Content::InLayer { offset, size: entry.size })
        }
        "symlink" => Node::Symlink(whole(&entry.link_name)?.as_bytes().to_vec()),
        "hardlink" => Node::Hardlink(path(&entry.link_name)?),
        "char" => Node::CharDevice(entry.dev_major, entry.dev_minor),
        "block" => Node::BlockDevice(entry.dev_major, entry.dev_minor),
        "fifo" => Node::Fifo,
        _ => return None,
    })
}

fn meta(entry: &Listed) -> Option<Meta> {
    let mtime = seconds(entry.modtime.as_deref().unwrap_or_default())?;
    let xattr = |(name, value): (&String, &String)| {
        Some((whole(name)?.as_bytes().to_vec(), STANDARD.decode(value).ok()?))
    };
    let xattrs = entry.xattrs.iter().map(xattr).collect::<Option<_>>()?;
    Some(Meta { mode: entry.mode & 0o7777, uid: entry.uid, gid: entry.gid, mtime, xattrs })
}

/// Whole seconds of a time as RFC 3339 has it, rounded down; 0 where there is none.
pub(super) fn seconds(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_second() - i64::from(time.subsec_nanosecond() < 0))
}

fn path(name: &str) -> Option<ImagePath> {
    ImagePath::from_tar(whole(name)?.as_bytes()).ok()
}

/// A text of which nothing was lost: where the tar has other bytes than UTF-8, JSON has U+FFFD.
fn whole(text: &str) -> Option<&str> {
    (!text.contains('\u{fffd}')).then_some(text)
}
