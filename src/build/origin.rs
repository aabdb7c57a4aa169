//! Images that a build reads: where they are, their documents, and their layers as trees.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::build::Error;
use crate::build::World;
use crate::build::caught::Caught;
use crate::index;
use crate::index::Catch;
use crate::index::Extract;
use crate::index::LayerIndex;
use crate::index::Wanted;
use crate::index::Word;
use crate::index::table;
use crate::layer::Changeset;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Image;
use crate::oci::Layer;
use crate::oci::Platform;
use crate::oci::Reference;
use crate::progress::Task;
use crate::rootfs::Rootfs;
use crate::transport;
use crate::transport::Source;
use crate::transport::image::fetch_blob;
use crate::transport::image::load_image;

/// An image at its place, resolved to digests.
pub struct Origin {
    /// The reference as the recipe or the user wrote it, before any mirror.
    pub written: String,
    /// Where its bytes are.
    pub source: Box<dyn Source>,
    /// Its documents.
    pub image: Image,
    /// Blobs that will be sent on: they are kept when they are read.
    pub keep: BTreeSet<Digest>,
    /// Whether a layer that was not read yet may be known by a table of contents: the one that it carries, or SOCI's. That
    /// is its author's word, and has no facts of contents.
    pub tables: bool,
    /// Whether others may say what is in a layer that was not read here: a shared index, now or in an earlier run. Whoever
    /// wrote it can mislead who believes it: that must be an audit or a listing, or a build of which a lock file pins the
    /// result, and that is compared with it.
    pub borrows: bool,
    /// SOCI's tables of contents beside the image, by layer, once somebody has asked for one.
    pub(super) ztocs: OnceLock<BTreeMap<Digest, Descriptor>>,
}

/// Whether a layer that could not be read in parts cannot be read whole either: this machine's disk is at fault, or
/// the place is gone. Bytes that are wrong and places that have no ranges are no such thing.
fn is_final(error: &index::Error<Error>) -> bool {
    match error {
        index::Error::Store { .. } => true,
        index::Error::Read { source, .. } => {
            let inner = source.get_ref();
            let stored = inner.is_some_and(|inner| inner.is::<crate::store::Error>());
            stored || source.raw_os_error().is_some() || source.kind() == io::ErrorKind::ConnectionReset
        }
        index::Error::Open { source, .. } => {
            let gone = matches!(source, Error::Transport(transport::error::Error::Unreachable { .. }));
            gone || matches!(source, Error::Store(_))
        }
        index::Error::MediaType { .. } | index::Error::Mismatch { .. } | index::Error::Decode { .. } => false,
    }
}

/// The tree of an image, and the indexes of the layers it was made of, by layer number.
pub struct Tree {
    /// The tree; incomplete when not all layers were needed.
    pub rootfs: Rootfs,
    /// What was learnt of each layer that was read.
    pub indexes: BTreeMap<usize, LayerIndex>,
}

impl Tree {
    /// Who says what is in a layer.
    #[must_use]
    pub fn word(&self, number: usize) -> Word {
        self.indexes.get(&number).map(|index| index.word).unwrap_or_default()
    }

    /// Whether anything of it is others' word.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.indexes.values().any(|index| index.word == Word::Lent)
    }
}

impl Origin {
    /// Resolves a reference to the image for `platform`. Moves documents only.
    ///
    /// # Errors
    /// When the place cannot be reached or has no such image.
    pub fn resolve(world: &World<'_>, written: &Reference, platform: &Platform) -> Result<Self, Error> {
        let source = world.places.source(written, world.store, world.progress)?;
        let image = load_image(source.as_ref(), platform, world.store)?;
        Ok(Self {
            written: written.to_string(),
            source,
            image,
            keep: BTreeSet::new(),
            tables: false,
            borrows: false,
            ztocs: OnceLock::new(),
        })
    }

    /// What a progress bar says: the digest first, as names are long and bars short.
    pub(super) fn title(&self, verb: &str, layer: &Layer) -> String {
        let name = self.written.rsplit('/').next().unwrap_or(&self.written);
        format!("{verb} {} {name}", layer.descriptor.digest.short())
    }

    /// The layer of this number, from the bottom.
    pub(super) fn layer(&self, number: usize) -> Layer {
        self.image.layers().swap_remove(number)
    }

    /// Opens a layer's blob from its first byte: from the store when it is there or has to be, else from its place,
    /// unverified; the reader's own business is to compare it with its digest.
    ///
    /// # Errors
    /// When the place does not have it or sends something else.
    fn open_layer(&self, world: &World<'_>, layer: &Layer) -> Result<Box<dyn Read + Send>, Error> {
        let blob = &layer.descriptor;
        if self.keep.contains(&blob.digest) {
            let title = self.title("fetch", layer);
            let task = world.progress.begin(&title, Some(blob.size));
            fetch_blob(self.source.as_ref(), world.store, blob, task.as_ref())?;
        }
        if world.store.contains(&blob.digest, blob.size) {
            return Ok(Box::new(world.store.reader(&blob.digest)?));
        }
        Ok(self.source.open(blob, 0)?)
    }

    /// Opens a range of a layer's blob, unverified.
    ///
    /// # Errors
    /// When the place does not have it or sends something else.
    pub(super) fn open_range(
        &self,
        world: &World<'_>,
        layer: &Layer,
        range: Range<u64>,
    ) -> Result<Box<dyn Read + Send>, Error> {
        let blob = &layer.descriptor;
        if world.store.contains(&blob.digest, blob.size) {
            let mut file = world.store.file(&blob.digest)?;
            let path = world.store.blob_path(&blob.digest);
            let sought = file.seek(SeekFrom::Start(range.start));
            sought.map_err(|source| crate::store::Error::Io { action: "read", path, source })?;
            return Ok(Box::new(file.take(range.end - range.start)));
        }
        Ok(self.source.open_range(blob, range)?)
    }

    /// What is in a layer: from an earlier run's note, else by reading it once. Files that `catch` names are taken
    /// into the store as they pass.
    ///
    /// # Errors
    /// When it cannot be had, or is no layer.
    pub fn index(&self, world: &World<'_>, number: usize, catch: Catch<'_>) -> Result<LayerIndex, Error> {
        let layer = self.layer(number);
        if let Some(index) = self.known(world, &layer).or_else(|| self.borrow_index(world, &layer)) {
            return Ok(index);
        }
        match self.tables.then(|| self.listed(world, &layer)).flatten() {
            Some(index) => Ok(index),
            None => self.learn(world, &layer, catch),
        }
    }

    /// What is in a layer, by reading it here.
    pub(super) fn learn(
        &self,
        world: &World<'_>,
        layer: &Layer,
        catch: Catch<'_>,
    ) -> Result<LayerIndex, Error> {
        let title = self.title("read", layer);
        let blob = &layer.descriptor;
        let here = self.keep.contains(&blob.digest) || world.store.contains(&blob.digest, blob.size);
        let mut open = || self.open_layer(world, layer);
        let mut open_at = |offset| Ok(self.source.open(blob, offset)?);
        let task = world.progress.begin(&title, Some(blob.size));
        let mut read = || match here {
            true => index::obtain(world.store, layer, &mut open, catch, task.as_ref()),
            false => index::obtain_on(world.store, layer, &mut open_at, catch, task.as_ref()),
        };
        self.once_more(world, layer, task.as_ref(), &mut read)
    }

    /// Whether others have said what is in a layer, and nobody has looked since.
    #[must_use]
    pub fn has_lent(&self, world: &World<'_>) -> bool {
        self.image.manifest.layers.iter().any(|layer| index::is_lent(world.store, &layer.digest))
    }

    /// Takes files, by offset in the tar, out of a layer: only what leads to them is fetched where an earlier pass
    /// knows the way, else the whole layer. `word` says who says that the files are there.
    ///
    /// # Errors
    /// When it cannot be had, or is no layer, or has no such file.
    pub(super) fn extract(
        &self,
        world: &World<'_>,
        (number, word): (usize, Word),
        wanted: &BTreeMap<u64, Wanted>,
    ) -> Result<BTreeMap<u64, Extract>, Error> {
        let layer = self.layer(number);
        let digest = &layer.descriptor.digest;
        if wanted.keys().any(|offset| table::is_listed(*offset)) {
            let task = world.progress.begin(&self.title("fetch", &layer), None);
            let found =
                table::take(world.store, &layer, wanted, &|range| self.open_range(world, &layer, range));
            drop(task);
            return found.map_err(|error| Error::index(&self.written, error));
        }
        if let Some(access) = index::access::known(world.store, digest, word) {
            let title = self.title("fetch", &layer);
            let task = world.progress.begin(&title, None);
            let open = |range| self.open_range(world, &layer, range);
            match index::extract(world.store, &layer, (&access, word), wanted, &open) {
                Ok(Some(found)) => return Ok(found),
                Err(error) if is_final(&error) => return Err(Error::index(&self.written, error)),
                // Whatever is wrong with the parts, the whole says it better.
                Ok(None) | Err(_) => drop(task),
            }
        }
        if word == Word::Lent && index::known(world.store, &layer).is_none() {
            return Err(self.misled(world, number));
        }
        let mut open = || self.open_layer(world, &layer);
        let task = world.progress.begin(&self.title("read", &layer), Some(layer.descriptor.size));
        let mut read = || index::copy_out(world.store, &layer, &mut open, wanted, task.as_ref());
        self.once_more(world, &layer, task.as_ref(), &mut read)
    }

    /// The hashes of files of a layer that are there by whose `word` it is, by offset and size; `wanted` gives for each
    /// offset a size in bytes. The layer is read once if one of them is not known yet.
    ///
    /// # Errors
    /// As [`Origin::index`].
    pub(super) fn hashes(
        &self,
        world: &World<'_>,
        (number, word): (usize, Word),
        wanted: &BTreeMap<u64, u64>,
    ) -> Result<BTreeMap<(u64, u64), Digest>, Error> {
        let layer = self.layer(number);
        let title = self.title("hash", &layer);
        let mut open = || self.open_layer(world, &layer);
        let task = world.progress.begin(&title, Some(layer.descriptor.size));
        let mut read = || index::hashes(world.store, &layer, &mut open, wanted, task.as_ref());
        let found = self.once_more(world, &layer, task.as_ref(), &mut read);
        // Places that the layer does not have are a stranger's.
        if found.is_err() && word == Word::Lent { Err(self.misled(world, number)) } else { found }
    }

    /// Reads a layer, and once more when the first time failed because the cache's copy of it was damaged:
    /// a cut deflate stream ends the reading before the blob's digest can be compared, so the copy is looked at here.
    ///
    /// # Errors
    /// As `read`, when the cache is not to blame or the second time fails too.
    fn once_more<T>(
        &self,
        world: &World<'_>,
        layer: &Layer,
        task: &dyn Task,
        read: &mut dyn FnMut() -> Result<T, index::Error<Error>>,
    ) -> Result<T, Error> {
        let digest = &layer.descriptor.digest;
        let stored = world.store.contains(digest, layer.descriptor.size);
        let first = read();
        let outcome = match &first {
            Ok(_) | Err(index::Error::Open { .. } | index::Error::Store { .. }) => first,
            Err(_) if !stored || task.is_stopped() || world.store.is_sound(digest) => first,
            Err(_) => read(),
        };
        outcome.map_err(|error| Error::index(&self.written, error))
    }

    /// The whole tree; layers are read in parallel.
    ///
    /// # Errors
    /// When a layer cannot be had, or the layers do not fold.
    pub fn tree(&self, world: &World<'_>, catch: &Caught) -> Result<Tree, Error> {
        let count = self.image.manifest.layers.len();
        let next = AtomicUsize::new(0);
        let done: Mutex<BTreeMap<usize, Result<LayerIndex, Error>>> = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let index = self.index(world, number, &|path| catch.wants(path));
                if index.is_err() {
                    // Nobody needs the layers that have not begun.
                    next.store(count, Ordering::Relaxed);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).insert(number, index);
            }
        };
        std::thread::scope(|scope| {
            (1..world.threads.min(count)).for_each(|_| drop(scope.spawn(work)));
            // This one works too: what memory it leaves, what follows finds.
            work();
        });
        let results = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let indexes = results
            .into_iter()
            .map(|(n, index)| Ok((n, index?)))
            .collect::<Result<BTreeMap<_, _>, Error>>()?;
        let rootfs = self.fold(&indexes, 0)?;
        Ok(Tree { rootfs, indexes })
    }

    /// Reads layers from the top down until `enough` is satisfied with the tree they make.
    ///
    /// # Errors
    /// When a layer cannot be had, or `enough` fails on the whole tree.
    pub fn search(
        &self,
        world: &World<'_>,
        catch: &Caught,
        enough: &mut dyn FnMut(&Rootfs) -> Result<bool, Error>,
    ) -> Result<Tree, Error> {
        let count = self.image.manifest.layers.len();
        let mut indexes = BTreeMap::new();
        let mut below = None;
        for number in (0..count).rev() {
            let known = below.take().map_or_else(|| self.index(world, number, &|path| catch.wants(path)), Ok);
            indexes.insert(number, known?);
            // What is known already costs nothing to add; a fold for each of forty layers would.
            below = number.checked_sub(1).and_then(|number| self.known(world, &self.layer(number)));
            if below.is_some() {
                continue;
            }
            let rootfs = self.fold(&indexes, number)?;
            if enough(&rootfs)? || number == 0 {
                return Ok(Tree { rootfs, indexes });
            }
        }
        let rootfs = self.fold(&indexes, 0)?;
        enough(&rootfs)?;
        Ok(Tree { rootfs, indexes })
    }

    fn fold(&self, indexes: &BTreeMap<usize, LayerIndex>, bottom: usize) -> Result<Rootfs, Error> {
        let layers: Vec<&Changeset> = indexes.values().map(|index| &index.changeset).collect();
        Rootfs::fold(bottom, &layers, bottom == 0)
            .map_err(|source| Error::Tree { image: self.written.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_reason_to_read_the_whole_layer() {
        let layer = Digest::of(b"layer");
        let read = |source: io::Error| is_final(&index::Error::Read { layer, source });
        let full = crate::store::Error::Io {
            action: "write",
            path: std::path::PathBuf::new(),
            source: io::ErrorKind::StorageFull.into(),
        };
        assert!(read(io::Error::from_raw_os_error(28)), "a write that failed on the way into the store");
        assert!(read(io::Error::other(full)), "a file of the store that could not be begun");
        assert!(read(io::ErrorKind::ConnectionReset.into()), "the place is gone");
        assert!(!read(io::ErrorKind::InvalidData.into()), "wrong bytes: the whole can tell");
        assert!(!read(io::ErrorKind::UnexpectedEof.into()), "a way that leads outside");
        assert!(!read(io::Error::other("no ranges here")));
    }
}
