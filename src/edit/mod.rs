//! Edits: functions from trees to changes. They touch nothing and fetch nothing.
//!
//! A step becomes a [`Decision`] from trees alone ([`decide()`]); what bytes that needs is then known
//! ([`Decided::wants`]); with the bytes at hand the decisions settle into a changeset ([`settle()`]).

mod alias;
pub mod decide;
pub mod error;
pub mod graft;
pub mod notice;
pub mod patch;
pub mod place;
pub mod settle;
pub mod wheel;
pub mod whole;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::layer::Meta;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::recipe::PatchFile;

pub use decide::decide;
pub use error::Error;
pub use settle::Edited;
pub use settle::settle;

/// Where the bytes of a file are in an image: layer number from the bottom, offset in its tar, size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the layer, from the bottom, 0.
    pub layer: usize,
    /// Offset in the layer's uncompressed tar.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// What the steps of a recipe come to, before any file content is looked at.
#[derive(Debug, Default)]
pub struct Decided {
    /// What will be at which path. Paths are where things really land, links in the base resolved.
    pub entries: BTreeMap<ImagePath, Decision>,
    /// What will be gone; each path exists in the base.
    pub removals: BTreeMap<ImagePath, RecipeSpot>,
    /// RECORD files of wheels that may have to follow.
    pub records: Vec<(ImagePath, Place)>,
    /// What is worth saying already.
    pub findings: Vec<Finding>,
}

/// One path of the result.
#[derive(Debug)]
pub struct Decision {
    /// The step that asks for it.
    pub spot: RecipeSpot,
    /// Owner, mode, time, attributes that it will have.
    pub meta: Meta,
    /// What it will be.
    pub what: What,
    /// The regular file of the base that it replaces.
    pub replaced: Option<Place>,
    /// A directory that is only on the way to something else: a step that makes it has the last word.
    pub on_the_way: bool,
    /// Other names of the replaced file are replaced too.
    pub replace_aliases: bool,
}

impl Decision {
    /// A decision of a step about this path itself, which replaces no file.
    #[must_use]
    pub const fn new(spot: RecipeSpot, meta: Meta, what: What) -> Self {
        Self { spot, meta, what, replaced: None, on_the_way: false, replace_aliases: false }
    }
}

/// What will be at a path.
#[derive(Debug)]
pub enum What {
    /// A directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(Vec<u8>),
    /// A file of a donor.
    Graft {
        /// The donor.
        from: String,
        /// The file in the donor, its links resolved.
        path: ImagePath,
        /// Its bytes.
        place: Place,
    },
    /// A file of the base, changed.
    Patch {
        /// Its bytes before.
        place: Place,
        /// The patch.
        with: PatchFile,
    },
    /// This text.
    Text(Vec<u8>),
    /// A file of this machine.
    Host(PathBuf),
}

/// The bytes that decisions need.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Files of donors, by the donor's name.
    pub donors: BTreeMap<String, BTreeSet<Place>>,
    /// Files of the base that are read as text.
    pub texts: BTreeSet<Place>,
    /// Files of the base of which only the digest matters.
    pub digests: BTreeSet<Place>,
    /// Files of this machine.
    pub hosts: BTreeSet<PathBuf>,
}

/// The bytes, or what is known of them. Has an answer for all that [`Wants`] asked.
#[derive(Debug, Default)]
pub struct Contents {
    /// Files of donors: digest in the store.
    pub donors: BTreeMap<(String, Place), Digest>,
    /// Files of the base, as text.
    pub texts: BTreeMap<Place, Vec<u8>>,
    /// Files of the base: their digest.
    pub digests: BTreeMap<Place, Digest>,
    /// Files of this machine.
    pub hosts: BTreeMap<PathBuf, Vec<u8>>,
}

impl Decided {
    /// What must be read before these decisions can settle.
    #[must_use]
    pub fn wants(&self) -> Wants {
        let mut wants = Wants::default();
        wants.texts.extend(self.records.iter().map(|(_, place)| *place));
        for decision in self.entries.values() {
            match &decision.what {
                What::Graft { from, place, .. } => {
                    wants.donors.entry(from.clone()).or_default().insert(*place);
                    // A file of another size is another file: no need to look.
                    wants.digests.extend(decision.replaced.filter(|replaced| replaced.size == place.size));
                }
                What::Patch { place, with } => {
                    wants.texts.insert(*place);
                    wants.hosts.insert(with.path().to_owned());
                }
                What::Host(path) => {
                    wants.hosts.insert(path.clone());
                }
                What::Directory | What::Symlink(_) | What::Text(_) => {}
            }
        }
        wants
    }
}

impl PatchFile {
    /// The file on this machine.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Edits(path) | Self::Diff(path) => path,
        }
    }
}
