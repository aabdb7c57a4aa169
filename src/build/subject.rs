//! What is looked at as it is, without a recipe: an image, an unpacked tree of this machine, or files of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::build::Error;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::gate;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::index::DirectoryError;
use crate::index::LayerIndex;
use crate::index::directory;
use crate::layer::Changeset;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::oci::Platform;
use crate::oci::Reference;
use crate::progress::Task;
use crate::recipe::AuditOptions;
use crate::rootfs::Rootfs;

/// Reads what is no image.
type Read<'a> = dyn FnMut(&dyn Task) -> Result<LayerIndex, DirectoryError> + 'a;

/// Something that has a file tree.
pub enum Subject {
    /// An image at its place.
    Image(Box<Origin>),
    /// The root of an unpacked tree, and how the user wrote it.
    Directory(PathBuf, String),
    /// Files of this machine by the name that each has in a tree of their own, and how the user wrote them.
    Files(BTreeMap<ImagePath, PathBuf>, String),
}

impl Subject {
    /// Finds what `reference` names: an image for `platform`, or a directory. Moves documents only.
    ///
    /// # Errors
    /// When the place cannot be reached or has no such image.
    pub fn resolve(world: &World<'_>, reference: &Reference, platform: &Platform) -> Result<Self, Error> {
        Ok(match reference {
            Reference::Directory(path) => Self::Directory(path.clone(), format!("dir:{}", path.display())),
            image => Self::Image(Box::new(Origin::resolve(world, image, platform)?)),
        })
    }

    /// Lets shared indexes say what is in layers that were not read here.
    #[must_use]
    pub fn borrowing(mut self) -> Self {
        if let Self::Image(origin) = &mut self {
            origin.borrows = true;
        }
        self
    }

    /// What the user called it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Image(origin) => &origin.written,
            Self::Directory(_, name) | Self::Files(_, name) => name,
        }
    }

    /// Its tree, whole. Of a directory no file is opened.
    ///
    /// # Errors
    /// When a layer cannot be had, or something in the directory cannot be looked at.
    pub fn rootfs(&self, world: &World<'_>) -> Result<Rootfs, Error> {
        match self {
            Self::Image(origin) => Ok(origin.tree(world, &Caught::default())?.rootfs),
            Self::Directory(path, _) => self.fold(&directory::walk(path)?),
            Self::Files(..) => Ok(self.tree(world)?.rootfs),
        }
    }

    pub(super) fn fold(&self, changes: &Changeset) -> Result<Rootfs, Error> {
        Rootfs::fold(0, &[changes], true)
            .map_err(|source| Error::Tree { image: self.name().to_owned(), source })
    }

    pub(super) fn tree(&self, world: &World<'_>) -> Result<Tree, Error> {
        match self {
            Self::Image(origin) => origin.tree(world, &Caught::default()),
            Self::Directory(path, _) => {
                self.read(world, &mut |task| directory::read(world.store, path, task))
            }
            Self::Files(files, _) => self.read(world, &mut |task| directory::files(world.store, files, task)),
        }
    }

    fn read(&self, world: &World<'_>, read: &mut Read<'_>) -> Result<Tree, Error> {
        let task = world.progress.begin(&format!("read {}", self.name()), None);
        let index = read(task.as_ref())?;
        let rootfs = self.fold(&index.changeset)?;
        Ok(Tree { rootfs, indexes: BTreeMap::from([(0, index)]) })
    }

    /// The environment of its processes: an unpacked tree has none of its own, and files find each other.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        match self {
            Self::Image(origin) => gate::environment(&origin.image.config),
            Self::Directory(..) => BTreeMap::new(),
            Self::Files(..) => BTreeMap::from([("LD_LIBRARY_PATH".to_owned(), "/".to_owned())]),
        }
    }
}

/// What was audited, for those who draw it.
pub struct Seen<'a> {
    /// The tree with its contents and its environment.
    pub view: View<'a>,
    /// The layers it was folded from, by number.
    pub indexes: &'a BTreeMap<usize, LayerIndex>,
    /// What the audit was told.
    pub options: &'a AuditOptions,
}
