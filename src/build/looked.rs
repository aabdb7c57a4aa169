//! A subject with everything that is known of it, to be asked.

use std::collections::BTreeMap;

use crate::build::Error;
use crate::build::Subject;
use crate::build::World;
use crate::build::caught::Caught;
use crate::build::gate;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::index::ImageObjects;
use crate::loader::View;
use crate::rootfs::Rootfs;

/// A whole tree with its contents and environment.
pub struct Looked {
    tree: Tree,
    objects: ImageObjects,
    env: BTreeMap<String, String>,
}

impl Looked {
    /// Reads all of a subject that has not been read before.
    ///
    /// # Errors
    /// When a layer or a file cannot be had.
    pub fn new(subject: &Subject, world: &World<'_>) -> Result<Self, Error> {
        let tree = subject.tree(world)?;
        Ok(Self { objects: gate::objects(&tree, world), env: subject.environment(), tree })
    }

    /// As [`Looked::new`], of an image.
    ///
    /// # Errors
    /// When a layer cannot be had.
    pub fn image(origin: &Origin, world: &World<'_>) -> Result<Self, Error> {
        let tree = origin.tree(world, &Caught::default())?;
        let env = gate::environment(&origin.image.config);
        Ok(Self { objects: gate::objects(&tree, world), env, tree })
    }

    /// The tree as the loader sees it.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { tree: &self.tree.rootfs, objects: &self.objects, env: &self.env }
    }

    /// The tree.
    #[must_use]
    pub const fn rootfs(&self) -> &Rootfs {
        &self.tree.rootfs
    }
}
