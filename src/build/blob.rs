//! The new layer's blob. One thread reads big files, one encodes the tar and hashes it, and one puts deflate blocks together
//! and hashes those.
//!
//! Files that came out of gzip layers bring the blocks that they came from, which are copied; only the rest is
//! compressed. What comes out depends on the changes and those blocks, not on threads or buffers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;

use crate::build::Error;
use crate::build::World;
use crate::build::assemble::NewLayer;
use crate::deflate::Segment;
use crate::deflate::Splicer;
use crate::index;
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
/// Bytes that are handed to the other thread at once.
const CHUNK: usize = 256 << 10;
/// How many of them may wait.
const CHUNKS: usize = 8;

/// Files that bring their blocks, by their digest.
pub(super) type Bringers = BTreeMap<Digest, Extract>;

/// What the writing thread is told.
enum Event {
    /// Bytes of the tar.
    Bytes(Vec<u8>),
    /// The bytes of this file come next, but for those that are passed over.
    File(Spliced),
    /// So many bytes for which the file's blocks stand.
    Pass(u64),
}

/// A file that brings its blocks: which, their bytes, and the CRC-32 of the file.
struct Spliced(Segment, Box<dyn Read + Send>, u32);

type Next = Rc<RefCell<Option<Spliced>>>;

/// Writes the layer that holds `changes` into the store.
///
/// # Errors
/// When a file cannot be read or the store cannot take the layer.
pub(super) fn write(
    changes: &Changeset,
    bringers: &Bringers,
    family: Family,
    world: &World<'_>,
) -> Result<NewLayer, Error> {
    let size: u64 = changes.upserts.values().map(|entry| size_of(&entry.node)).sum();
    let task = world.progress.begin("write layer", Some(size));
    let draft = world.store.draft()?;
    let (send, events) = mpsc::sync_channel(CHUNKS);
    let (used, spare) = mpsc::channel();
    let failed = |source| {
        let path = world.store.temporary();
        store::Error::Io { action: "write", path, source }
    };
    let (encoded, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || put_together(draft, &events, &used));
        let next = Next::default();
        let buffer = Vec::with_capacity(CHUNK);
        let out = Out { send, spare, next: Rc::clone(&next), buffer, at: 0, passed: 0, covered: Vec::new() };
        let mut tar = Hashing::new(out);
        let mut contents = |_: &crate::oci::ImagePath, content: &Content| {
            let opened = open(world.store, content, bringers, &next);
            task.advance(content.size());
            opened
        };
        let encoded = encode::encode(changes, &mut contents, &mut tar).map(|()| tar.hasher().clone());
        drop(tar);
        (encoded, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // A writer that failed is why the encoder could not go on.
    let draft = written.map_err(failed)?;
    let tar = encoded.map_err(Error::Encode)?;
    let (digest, length) = draft.finish()?;
    let media_type = family.layer(Compression::Gzip).unwrap_or_default();
    Ok(NewLayer {
        descriptor: Descriptor::new(media_type, digest, length),
        diff_id: DiffId(tar.digest()),
        tar_size: tar.length(),
        entries: changes.upserts.len() + changes.removals.len(),
    })
}

/// The writing thread.
fn put_together(draft: Draft, events: &Receiver<Event>, used: &mpsc::Sender<Vec<u8>>) -> io::Result<Draft> {
    let mut splicer = Splicer::new(draft)?;
    for event in events {
        match event {
            Event::Bytes(bytes) => {
                splicer.write_all(&bytes)?;
                // An encoder that is done needs no more buffers.
                drop(used.send(bytes));
            }
            Event::File(Spliced(segment, raw, sum)) => splicer.begin_known(segment, raw, sum)?,
            Event::Pass(count) => splicer.pass(count)?,
        }
    }
    splicer.finish()
}

/// The encoder's end of the channel.
struct Out {
    send: SyncSender<Event>,
    spare: mpsc::Receiver<Vec<u8>>,
    next: Next,
    buffer: Vec<u8>,
    /// Where the next byte lies in the file that brings its blocks.
    at: u64,
    /// Bytes that were passed over and not told: there are none where others come next.
    passed: u64,
    /// What of that file blocks stand for and has not come yet, the last first.
    covered: Vec<Range<u64>>,
}

impl Out {
    fn tell(&self, event: Event) -> io::Result<()> {
        self.send.send(event).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Sends some of `bytes`, or passes over them, and says how many.
    fn part(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let up_to = |end: u64| usize::try_from(end - self.at).unwrap_or(usize::MAX).min(bytes.len());
        let count = match self.covered.last() {
            Some(range) if range.start <= self.at => {
                let count = up_to(range.end);
                let ended = self.at + count as u64 == range.end;
                self.push()?;
                self.passed += count as u64;
                if ended {
                    self.covered.pop();
                }
                if ended || self.passed >= CHUNK as u64 {
                    self.tell(Event::Pass(self.passed))?;
                    self.passed = 0;
                }
                return Ok(count);
            }
            Some(range) => up_to(range.start),
            None => bytes.len(),
        };
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() >= CHUNK {
            self.push()?;
        }
        Ok(count)
    }

    fn push(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut spare = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        spare.clear();
        let full = std::mem::replace(&mut self.buffer, spare);
        self.tell(Event::Bytes(full))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let next = self.next.borrow_mut().take();
        if let Some(spliced) = next {
            self.push()?;
            (self.at, self.covered) = (0, spliced.0.covered());
            self.covered.reverse();
            self.tell(Event::File(spliced))?;
        }
        let mut left = bytes;
        while !left.is_empty() {
            let count = self.part(left)?;
            self.at += count as u64;
            left = &left[count..];
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

fn open(store: &Store, content: &Content, bringers: &Bringers, next: &Next) -> io::Result<Box<dyn Read>> {
    match content {
        Content::Bytes(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
        Content::Stored { digest, .. } => match bringers.get(digest) {
            Some(extract) => {
                if let Some(blocks) = &extract.blocks {
                    *next.borrow_mut() =
                        Some(Spliced(blocks.table.clone(), blocks.open(store)?, extract.crc));
                }
                // Reading and summing up on one thread, hashing on another.
                let file = extract.open(store)?;
                Ok(if extract.size < AHEAD { file } else { index::ahead(file)? })
            }
            None => Ok(Box::new(store.reader(digest).map_err(io::Error::other)?)),
        },
        Content::InLayer { .. } => Err(io::Error::other("content of a base layer cannot be in a new one")),
    }
}

fn size_of(node: &Node) -> u64 {
    match node {
        Node::File(content) => content.size(),
        _ => 0,
    }
}
