//! The new layer's blob. One thread reads big files, one encodes the tar and hashes it, and one puts deflate blocks together
//! and hashes those.
//!
//! Files that came out of gzip layers bring the blocks that they came from, which are copied; only the rest is
//! compressed. What comes out depends on the changes and those blocks, not on threads or buffers.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;

use crate::build::Error;
use crate::build::World;
use crate::build::early::Earlies;
use crate::build::early::Twofold;
use crate::build::new_layer::NewLayer;
use crate::build::outlet::Blocks;
use crate::build::outlet::Event;
use crate::build::outlet::Next;
use crate::build::outlet::Outlet;
use crate::build::outlet::Spliced;
use crate::deflate::Splicer;
use crate::index;
use crate::index::Arrivals;
use crate::index::Extract;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::layer::encode;
use crate::oci::Compression;
use crate::oci::Descriptor;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::Family;
use crate::oci::digest::Hashing;
use crate::store;
use crate::store::Draft;
use crate::store::Store;

/// The name of what is written here, for lock files: it changes whenever the bytes may.
pub const FORMAT: &str = "gzip-blocks-zlib-rs-2/1";

/// Shortest file that is read on a thread of its own.
const AHEAD: u64 = 4 << 20;
/// How many events may wait for the writing thread.
const EVENTS: usize = 8;

/// Files that bring their blocks, by their digest.
pub(super) type Bringers = BTreeMap<Digest, Extract>;

/// Files that bring their blocks: those that are in the store, and those that come.
type Files<'a> = (&'a Bringers, &'a Arrivals);

/// Writes the layer that holds `changes` into the store, and to the place that takes it early; of its files some may
/// still be on their way into the store.
///
/// # Errors
/// When a file cannot be read or does not come, or the store cannot take the layer.
pub(super) fn write(
    changes: &Changeset,
    files: Files<'_>,
    (family, earlies): (Family, &mut Earlies<'_>),
    world: &World<'_>,
) -> Result<NewLayer, Error> {
    let task = world.progress.begin("write layer", Some(size(changes)));
    let out = Twofold::new(world.store.draft()?, earlies);
    let (send, events) = mpsc::sync_channel(EVENTS);
    let (used, spare) = mpsc::channel();
    let failed = |source| {
        let path = world.store.temporary();
        store::Error::Io { action: "write", path, source }
    };
    let (encoded, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || put_together(out, &events, &used));
        let next = Next::default();
        let mut tar = Hashing::new(Outlet::new(send, spare, Rc::clone(&next)));
        let mut contents = |_: &crate::oci::ImagePath, content: &Content| {
            let opened = open(world.store, content, files, &next);
            task.advance(content.size());
            opened
        };
        let encoded = encode::encode(changes, &mut contents, &mut tar).map(|()| tar.hasher().clone());
        drop(tar);
        (encoded, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (tar, draft) = match (encoded, written) {
        (Ok(tar), Ok(draft)) => (tar, draft),
        // A writer that failed is why the encoder could not go on, but not why it had nothing to go on with.
        (Ok(_) | Err(encode::Error::Write { .. }), Err(source)) => return Err(failed(source).into()),
        (Err(error), _) => return Err(Error::Encode(error)),
    };
    let (digest, length) = draft.finish()?;
    let media_type = family.layer(Compression::Gzip).unwrap_or_default();
    let descriptor = Descriptor::new(media_type, digest, length);
    earlies.is(&descriptor);
    Ok(NewLayer {
        descriptor,
        diff_id: DiffId(tar.digest()),
        tar_size: tar.length(),
        entries: changes.upserts.len() + changes.removals.len(),
    })
}

/// The writing thread.
fn put_together(
    out: Twofold<'_>,
    events: &Receiver<Event>,
    used: &mpsc::Sender<Vec<u8>>,
) -> io::Result<Draft> {
    let mut splicer = Splicer::new(out)?;
    for event in events {
        match event {
            Event::Bytes(bytes) => {
                splicer.write_all(&bytes)?;
                // An encoder that is done needs no more buffers.
                drop(used.send(bytes));
            }
            Event::File(size, raw) => splicer.begin_known(size, raw)?,
            Event::Blocks(blocks) => splicer.add(&blocks)?,
            Event::Pass(count) => splicer.pass(count)?,
            Event::Sum(sum) => splicer.sum(sum)?,
            Event::End => return Ok(splicer.finish()?.draft),
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the tar has no end"))
}

fn open(store: &Store, content: &Content, files: Files<'_>, next: &Next) -> io::Result<Box<dyn Read>> {
    match content {
        Content::Bytes(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
        Content::Stored { digest, size } => open_stored(store, (digest, *size), files, next),
        Content::InLayer { .. } => Err(io::Error::other("content of a base layer cannot be in a new one")),
    }
}

fn open_stored(
    store: &Store,
    (digest, size): (&Digest, u64),
    (bringers, arrivals): Files<'_>,
    next: &Next,
) -> io::Result<Box<dyn Read>> {
    let mut come = None;
    if let Some(arrival) = arrivals.get(digest) {
        if let Some(mut following) = arrival.follow()?
            && let Some(plain) = following.plain()
        {
            if let Some(raw) = following.raw() {
                *next.borrow_mut() = Some(Spliced { size, raw, blocks: Blocks::Coming(following) });
            }
            // It is read off the page cache while it is inflated elsewhere: that needs no thread of its own.
            return Ok(plain);
        }
        come = arrival.extract();
    }
    let Some(extract) = bringers.get(digest).or(come.as_ref()) else {
        return Ok(Box::new(store.reader(digest).map_err(io::Error::other)?));
    };
    if let Some(blocks) = &extract.blocks {
        let known = Blocks::Known(blocks.table.blocks.clone(), extract.crc);
        *next.borrow_mut() = Some(Spliced { size, raw: blocks.open(store)?, blocks: known });
    }
    read(extract.open(store)?, size)
}

/// Reading and summing up on one thread, hashing on another.
fn read(file: Box<dyn Read + Send>, size: u64) -> io::Result<Box<dyn Read>> {
    Ok(if size < AHEAD { file } else { index::ahead(file)? })
}

/// How many bytes the files of `changes` have.
pub(super) fn size(changes: &Changeset) -> u64 {
    changes.upserts.values().map(|entry| size_of(&entry.node)).sum()
}

fn size_of(node: &Node) -> u64 {
    match node {
        Node::File(content) => content.size(),
        _ => 0,
    }
}
