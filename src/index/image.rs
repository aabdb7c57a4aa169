//! The contents of an image's files: from the indexes of its layers, and from the store for new ones.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::LayerIndex;
use super::Object;
use super::ObjectError;
use super::Objects;
use super::contents;
use super::contents::Found;
use super::note;
use crate::elf::Symbols;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;
use crate::store::Store;

/// Longest file that [`Objects::bytes`] gives.
const SMALL: u64 = 4 << 20;

/// What is known of a file by the digest of its bytes.
type Known = Option<Arc<Object>>;

/// Contents of a tree that was folded of indexed layers, with changes whose bytes are in the store or in
/// memory. Symbols are loaded when asked for, and stay.
pub struct ImageObjects {
    store: Store,
    placed: BTreeMap<(usize, u64), Arc<Object>>,
    kept: BTreeMap<(usize, u64), Vec<u8>>,
    stored: Mutex<BTreeMap<Digest, Known>>,
    symbols: Mutex<BTreeMap<Digest, Arc<Symbols>>>,
}

impl ImageObjects {
    /// Contents for a tree of these layers; the number of each is the one that the tree's nodes have.
    pub fn new<'a>(store: &Store, layers: impl IntoIterator<Item = (usize, &'a LayerIndex)>) -> Self {
        let (mut placed, mut kept) = (BTreeMap::new(), BTreeMap::new());
        for (number, layer) in layers {
            let offset = |path: &ImagePath| match layer.changeset.upserts.get(path)?.node {
                Node::File(Content::InLayer { offset, .. }) => Some(offset),
                _ => None,
            };
            for (path, object) in &layer.objects {
                placed.extend(offset(path).map(|offset| ((number, offset), Arc::new(object.clone()))));
            }
            for (path, bytes) in &layer.kept {
                kept.extend(offset(path).map(|offset| ((number, offset), bytes.clone())));
            }
        }
        Self { store: store.clone(), placed, kept, stored: Mutex::default(), symbols: Mutex::default() }
    }

    /// Looks at every file that an edit brings, so that none that cannot be read passes for one without facts.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn study_all(&self, changes: &Changeset) -> Result<(), ObjectError> {
        for (path, entry) in &changes.upserts {
            if let Node::File(content) = &entry.node {
                self.study(content).map_err(|source| ObjectError { path: path.clone(), source })?;
            }
        }
        Ok(())
    }

    /// Facts of a file in the store or in memory, which also makes its symbols known.
    fn study(&self, content: &Content) -> io::Result<Known> {
        let (digest, size) = match content {
            Content::Bytes(bytes) => (Digest::of(bytes), bytes.len() as u64),
            Content::Stored { digest, size } => (*digest, *size),
            Content::InLayer { .. } => return Ok(None),
        };
        let known = || self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = known().get(&digest) {
            return Ok(object.clone());
        }
        let found = match content {
            Content::Bytes(bytes) => contents::of_bytes(bytes),
            _ => {
                let mut file = self.store.file(&digest).map_err(io::Error::other)?;
                contents::of_file(&mut file, digest, size)?
            }
        };
        let object = match found {
            Found::Elf(object, symbols) => {
                self.remember(digest, symbols);
                Some(Arc::from(object))
            }
            Found::Nothing | Found::Text(_) => None,
        };
        known().insert(digest, object.clone());
        Ok(object)
    }

    fn remember(&self, digest: Digest, symbols: Symbols) -> Arc<Symbols> {
        let mut known = self.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(digest).or_insert_with(|| Arc::new(symbols)))
    }
}

impl Objects for ImageObjects {
    fn object(&self, _path: &ImagePath, node: &TreeNode) -> Known {
        match &node.entry.node {
            Node::File(Content::InLayer { offset, .. }) => self.placed.get(&(node.layer, *offset)).cloned(),
            Node::File(content) => self.study(content).ok().flatten(),
            _ => None,
        }
    }

    fn symbols(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Symbols>, ObjectError> {
        let Some(object) = self.object(path, node) else {
            return Ok(Arc::default());
        };
        let known = self.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbols) = known.get(&object.digest) {
            return Ok(Arc::clone(symbols));
        }
        drop(known);
        let symbols = note::symbols(&self.store, &object.digest).ok_or_else(|| ObjectError {
            path: path.clone(),
            source: io::Error::new(io::ErrorKind::NotFound, "its symbols are not in the cache"),
        })?;
        Ok(self.remember(object.digest, symbols))
    }

    fn bytes(&self, path: &ImagePath, node: &TreeNode) -> Result<Option<Vec<u8>>, ObjectError> {
        match &node.entry.node {
            Node::File(Content::InLayer { offset, .. }) => Ok(self.kept.get(&(node.layer, *offset)).cloned()),
            Node::File(Content::Bytes(bytes)) => Ok(Some(bytes.clone())),
            Node::File(Content::Stored { digest, size }) if *size <= SMALL => {
                let read = || {
                    let mut bytes = Vec::new();
                    let mut blob = self.store.reader(digest).map_err(io::Error::other)?;
                    blob.read_to_end(&mut bytes)?;
                    Ok(Some(bytes))
                };
                read().map_err(|source| ObjectError { path: path.clone(), source })
            }
            _ => Ok(None),
        }
    }
}
