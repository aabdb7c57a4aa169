//! What one full pass over a layer teaches, kept so that the layer need not be read again.
//!
//! [`obtain`] reads a layer once, checks all it claims (blob digest, size, `diff_id`), and keeps its file
//! table and the facts of its ELF files as a note in the store. Knows layers one by one; what they are
//! together is `rootfs`' business, what their files do to each other is `loader`'s.

pub mod access;
mod ahead;
mod arrival;
mod blob;
pub mod bundle;
mod contents;
mod copy;
pub mod directory;
mod error;
mod extract;
mod extracts;
mod hashes;
mod holed;
mod image;
mod learned;
mod note;
mod objects;
mod partial;
mod pass;
mod remembered;
mod shell;
mod side;
mod spool;
mod stream;
pub mod table;
mod taking;
mod word;

pub use access::Access;
pub use ahead::ahead;
pub use arrival::Arrivals;
pub use arrival::Following;
pub use copy::copy_out;
pub use directory::DirectoryError;
pub use error::Error;
pub use extract::OpenRange;
pub use extract::Wanted;
pub use extract::extract;
pub use extracts::Blocks;
pub use extracts::Extract;
pub use extracts::known_digest;
pub use extracts::recall;
pub use extracts::recall_known;
pub use hashes::hashes;
pub use image::ImageObjects;
pub use learned::Catch;
pub use note::is_lent;
pub use note::symbols;
pub use note::texts;
pub use note::traits;
pub use objects::ObjectError;
pub use objects::Objects;
pub use pass::Open;
pub use pass::OpenAt;
pub use pass::known;
pub use pass::lent;
pub use pass::obtain;
pub use pass::obtain_on;
pub use side::side_by_side;
pub use word::Word;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::elf::Facts;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Node;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::python::Script;

/// What is known of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerIndex {
    /// What the layer adds and hides.
    pub changeset: Changeset,
    /// Its ELF files that can be understood, by path in the changeset; hard links only under their first name.
    pub objects: BTreeMap<ImagePath, Object>,
    /// Small files that others read, with their content: `ld.so.cache`, `pyvenv.cfg`; of a wheel's `RECORD`
    /// only the lines that name libraries; of a shell script only the variables that it mentions.
    pub kept: BTreeMap<ImagePath, Vec<u8>>,
    /// Python files that have something to say.
    pub scripts: BTreeMap<ImagePath, Script>,
    /// The digest of the uncompressed tar, as computed.
    pub diff_id: DiffId,
    /// Length of the uncompressed tar in bytes.
    pub uncompressed_size: u64,
    /// Who says all this. Not in the note, but in its kind.
    #[serde(skip)]
    pub word: Word,
}

impl LayerIndex {
    /// Its ELF files, by offset in the layer's tar.
    #[must_use]
    pub fn objects_by_offset(&self) -> BTreeMap<u64, &Object> {
        let place = |path: &ImagePath| match self.changeset.upserts.get(path)?.node {
            Node::File(Content::InLayer { offset, .. }) => Some(offset),
            _ => None,
        };
        self.objects.iter().filter_map(|(path, object)| Some((place(path)?, object))).collect()
    }
}

/// An ELF file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// What the dynamic loader wants to know of it, without its symbols.
    pub facts: Facts,
}
