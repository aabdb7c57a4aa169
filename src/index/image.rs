//! The contents of an image's files: from the indexes of its layers, and from the store for new ones.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::LayerIndex;
use super::Object;
use super::ObjectError;
use super::Objects;
use super::contents;
use super::contents::Found;
use super::note;
use super::word::Word;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::python::Script;
use crate::rootfs::TreeNode;
use crate::store::Damage;
use crate::store::Store;

/// Longest file that [`Objects::bytes`] gives.
const SMALL: u64 = 4 << 20;

/// What is known of a file by the digest of its bytes.
#[derive(Debug, Clone)]
enum Known {
    Nothing,
    /// An ELF file, and who says what it is.
    Elf(Arc<Object>, Word),
    Script(Arc<Script>),
    Text(Vec<u8>),
}

/// What an ELF file has besides its facts, by digest; loaded when asked for, and then kept.
#[derive(Default)]
struct Parts {
    symbols: BTreeMap<(Digest, Word), Arc<Symbols>>,
    traits: BTreeMap<(Digest, Word), Arc<Traits>>,
}

/// Contents of a tree that was folded of indexed layers, with changes whose bytes are in the store or in
/// memory. Symbols are loaded when asked for, and stay.
pub struct ImageObjects {
    store: Store,
    placed: BTreeMap<(usize, u64), Known>,
    stored: Mutex<BTreeMap<Digest, Known>>,
    parts: Mutex<Parts>,
}

impl ImageObjects {
    /// Contents for a tree of these layers; the number of each is the one that the tree's nodes have.
    pub fn new<'a>(store: &Store, layers: impl IntoIterator<Item = (usize, &'a LayerIndex)>) -> Self {
        let mut placed = BTreeMap::new();
        for (number, layer) in layers {
            let mut place = |path: &ImagePath, known: Known| {
                let entry = layer.changeset.upserts.get(path);
                if let Some(Node::File(Content::InLayer { offset, .. })) = entry.map(|entry| &entry.node) {
                    placed.insert((number, *offset), known);
                }
            };
            for (path, object) in &layer.objects {
                place(path, Known::Elf(Arc::new(object.clone()), layer.word));
            }
            for (path, script) in &layer.scripts {
                place(path, Known::Script(Arc::new(script.clone())));
            }
            for (path, bytes) in &layer.kept {
                place(path, Known::Text(bytes.clone()));
            }
        }
        Self { store: store.clone(), placed, stored: Mutex::default(), parts: Mutex::default() }
    }

    /// Says that the file with this digest in the store is this one, whose parts are noted: it need not be read for its
    /// facts. `word` tells who says so.
    pub fn know(&self, digest: Digest, object: &Object, word: Word) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.insert(digest, Known::Elf(Arc::new(object.clone()), word));
    }

    /// Looks at every file that an edit brings, so that none that cannot be read passes for one without facts.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn study_all(&self, changes: &Changeset) -> Result<(), ObjectError> {
        for (path, entry) in &changes.upserts {
            if let Node::File(content) = &entry.node {
                self.study(path, content).map_err(|source| ObjectError { path: path.clone(), source })?;
            }
        }
        Ok(())
    }

    /// Facts of a file in the store or in memory, which also makes its symbols known.
    fn study(&self, path: &ImagePath, content: &Content) -> io::Result<Known> {
        let (digest, size) = match content {
            Content::Bytes(bytes) => (Digest::of(bytes), bytes.len() as u64),
            Content::Stored { digest, size } => (*digest, *size),
            Content::InLayer { .. } => return Ok(Known::Nothing),
        };
        let stored = || self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = stored().get(&digest) {
            return Ok(known.clone());
        }
        let found = match content {
            Content::Bytes(bytes) => contents::of_bytes(path, bytes),
            _ => {
                // Verified: what is said of a file must be true of the bytes that its digest names.
                let mut file = self.store.verified(&digest).map_err(io::Error::other)?;
                contents::of_file(path, &mut file, digest, size)?
            }
        };
        let known = match found {
            Found::Elf(object, parts) => {
                let mut known = self.parts();
                known.symbols.insert((digest, Word::Own), Arc::new(parts.0));
                known.traits.insert((digest, Word::Own), Arc::new(parts.1));
                Known::Elf(Arc::from(object), Word::Own)
            }
            Found::Script(script) => Known::Script(Arc::new(script)),
            Found::Nothing | Found::Text(_) => Known::Nothing,
        };
        stored().insert(digest, known.clone());
        Ok(known)
    }

    fn known(&self, path: &ImagePath, node: &TreeNode) -> Known {
        match &node.entry.node {
            Node::File(Content::InLayer { offset, .. }) => {
                self.placed.get(&(node.layer, *offset)).cloned().unwrap_or(Known::Nothing)
            }
            Node::File(content) => self.study(path, content).unwrap_or(Known::Nothing),
            _ => Known::Nothing,
        }
    }

    fn is_elf(&self, digest: &Digest) -> bool {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(stored.get(digest), Some(Known::Elf(..)))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of an ELF file: the one that is known, else from its note.
    fn part<T: Default>(
        &self,
        (path, node): (&ImagePath, &TreeNode),
        known: impl Fn(&mut Parts) -> &mut BTreeMap<(Digest, Word), Arc<T>>,
        load: fn(&Store, &Digest, Word) -> Option<T>,
    ) -> Result<Arc<T>, ObjectError> {
        let Known::Elf(object, word) = self.known(path, node) else {
            return Ok(Arc::default());
        };
        if let Some(part) = known(&mut self.parts()).get(&(object.digest, word)) {
            return Ok(Arc::clone(part));
        }
        let part = load(&self.store, &object.digest, word).ok_or_else(|| {
            note::forget_parts(&self.store, &object.digest);
            let source = Damage::Facts(object.digest).error(io::ErrorKind::NotFound);
            ObjectError { path: path.clone(), source }
        })?;
        Ok(Arc::clone(
            known(&mut self.parts()).entry((object.digest, word)).or_insert_with(|| Arc::new(part)),
        ))
    }
}

impl Objects for ImageObjects {
    fn object(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Object>> {
        match self.known(path, node) {
            Known::Elf(object, _) => Some(object),
            _ => None,
        }
    }

    fn symbols(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Symbols>, ObjectError> {
        self.part((path, node), |parts| &mut parts.symbols, note::symbols)
    }

    fn traits(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Traits>, ObjectError> {
        self.part((path, node), |parts| &mut parts.traits, note::traits)
    }

    fn script(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Script>> {
        match self.known(path, node) {
            Known::Script(script) => Some(script),
            _ => None,
        }
    }

    fn bytes(&self, path: &ImagePath, node: &TreeNode) -> Result<Option<Vec<u8>>, ObjectError> {
        match &node.entry.node {
            Node::File(Content::InLayer { .. }) => match self.known(path, node) {
                Known::Text(bytes) => Ok(Some(bytes)),
                _ => Ok(None),
            },
            Node::File(Content::Bytes(bytes)) => Ok(Some(bytes.clone())),
            // What an index knows as ELF need not be in the store, and is no text.
            Node::File(Content::Stored { digest, .. }) if self.is_elf(digest) => Ok(None),
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
