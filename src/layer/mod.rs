//! One layer's meaning: what it adds and what it hides (image-spec `layer.md`).
//!
//! A [`Changeset`] is decoded from a layer, produced by an edit, and encoded on assembly: one type.
//! Knows nothing of other layers: what a changeset does to a tree is `rootfs`' business.

pub mod compress;
pub mod decode;
pub mod encode;
pub mod frames;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use crate::oci::Digest;
use crate::oci::ImagePath;

/// What one layer adds, replaces and hides, free of the order in its tar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changeset {
    /// Entries that the layer brings. No path is below a non-directory of the same layer.
    pub upserts: BTreeMap<ImagePath, Entry>,
    /// Paths of lower layers that are gone (whiteouts), with all that is below them.
    pub removals: BTreeSet<ImagePath>,
    /// Directories of which nothing in lower layers shows (opaque whiteouts).
    pub opaque: BTreeSet<ImagePath>,
}

/// One file system object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Owner, permissions, time, extended attributes.
    pub meta: Meta,
    /// What it is.
    pub node: Node,
}

/// The metadata that a layer carries for every entry (image-spec `layer.md`, "Additions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Permission bits with setuid, setgid and sticky: 0 to 0o7777.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u64,
    /// Numeric group.
    pub gid: u64,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes, raw name to raw value; those internal to overlayfs are never here.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with its target as written.
    Symlink(Vec<u8>),
    /// Another name of a file of the same layer.
    Hardlink(ImagePath),
    /// A character device: major, minor.
    CharDevice(u32, u32),
    /// A block device: major, minor.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

/// Where the bytes of a regular file are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// In the layer this entry was decoded from: `offset` into its uncompressed tar, `size` in bytes.
    InLayer {
        /// Offset of the first byte in the uncompressed tar.
        offset: u64,
        /// Length in bytes.
        size: u64,
    },
    /// Here, in memory: patched or written text.
    Bytes(Vec<u8>),
    /// In the store, by the digest of the file itself.
    Stored {
        /// SHA-256 of the file's bytes.
        digest: Digest,
        /// Length in bytes.
        size: u64,
    },
}

impl Content {
    /// Length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::InLayer { size, .. } | Self::Stored { size, .. } => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl Meta {
    /// Metadata of root with this mode and time 0, without extended attributes.
    #[must_use]
    pub const fn root(mode: u32) -> Self {
        Self { mode, uid: 0, gid: 0, mtime: 0, xattrs: BTreeMap::new() }
    }
}

impl Changeset {
    /// Whether the layer changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty() && self.opaque.is_empty()
    }
}
