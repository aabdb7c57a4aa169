//! What is looked at as it is, without a recipe: an image, or an unpacked tree of this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::audit;
use crate::build::Error;
use crate::build::World;
use crate::build::gate;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::index::LayerIndex;
use crate::index::directory;
use crate::layer::Changeset;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::oci::Platform;
use crate::oci::Reference;
use crate::recipe::AuditOptions;
use crate::rootfs::Rootfs;

/// Something that has a file tree.
pub enum Subject {
    /// An image at its place.
    Image(Box<Origin>),
    /// The root of an unpacked tree, and how the user wrote it.
    Directory(PathBuf, String),
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

    /// What the user called it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Image(origin) => &origin.written,
            Self::Directory(_, name) => name,
        }
    }

    /// Its tree, whole. Of a directory no file is opened.
    ///
    /// # Errors
    /// When a layer cannot be had, or something in the directory cannot be looked at.
    pub fn rootfs(&self, world: &World<'_>) -> Result<Rootfs, Error> {
        match self {
            Self::Image(origin) => Ok(origin.tree(world)?.rootfs),
            Self::Directory(path, _) => self.fold(&directory::walk(path)?),
        }
    }

    fn fold(&self, changes: &Changeset) -> Result<Rootfs, Error> {
        Rootfs::fold(0, &[changes], true)
            .map_err(|source| Error::Tree { image: self.name().to_owned(), source })
    }

    fn tree(&self, world: &World<'_>) -> Result<Tree, Error> {
        match self {
            Self::Image(origin) => origin.tree(world),
            Self::Directory(path, _) => self.read(path, world),
        }
    }

    fn read(&self, path: &Path, world: &World<'_>) -> Result<Tree, Error> {
        let task = world.progress.begin(&format!("read {}", self.name()), None);
        let index = directory::read(world.store, path, task.as_ref())?;
        let rootfs = self.fold(&index.changeset)?;
        Ok(Tree { rootfs, indexes: BTreeMap::from([(0, index)]) })
    }

    /// The environment of its processes: an unpacked tree has none of its own.
    fn environment(&self) -> BTreeMap<String, String> {
        match self {
            Self::Image(origin) => gate::environment(&origin.image.config),
            Self::Directory(..) => BTreeMap::new(),
        }
    }

    /// Audits it as it is: everything counts as introduced. Variables of `env` go before its own.
    ///
    /// # Errors
    /// When a layer or a file's facts cannot be had.
    pub fn audit(
        &self,
        env: BTreeMap<String, String>,
        options: &AuditOptions,
        world: &World<'_>,
    ) -> Result<Vec<Finding>, Error> {
        Ok(self.examine(env, options, world, |_, _| Ok(()))?.0)
    }

    /// The same, with whatever `look` makes of what was audited: it is there only while this runs.
    ///
    /// # Errors
    /// As `audit`, and those of `look`.
    pub fn examine<T>(
        &self,
        env: BTreeMap<String, String>,
        options: &AuditOptions,
        world: &World<'_>,
        look: impl FnOnce(&Seen<'_>, &[Finding]) -> Result<T, Error>,
    ) -> Result<(Vec<Finding>, T), Error> {
        let tree = self.tree(world)?;
        let empty = self.fold(&Changeset::default())?;
        let nobody = BTreeMap::new();
        let mut own = self.environment();
        own.extend(env);
        let objects = gate::objects(&tree, world);
        let nowhere = RecipeSpot { file: String::new(), line: 0, column: 0 };
        let files = tree.indexes.values().flat_map(|index| index.objects.keys());
        let changed: BTreeMap<ImagePath, RecipeSpot> = files
            .filter(|path| tree.rootfs.get(path).is_some())
            .map(|path| (path.clone(), nowhere.clone()))
            .collect();
        let subject = audit::Subject {
            before: View { tree: &empty, objects: &objects, env: &nobody },
            after: View { tree: &tree.rootfs, objects: &objects, env: &own },
            changed: &changed,
            donors: &[],
            noted: &[],
            options,
        };
        let mut findings = audit::run(&subject)?;
        findings.iter_mut().for_each(|finding| finding.recipe = None);
        let seen = Seen { view: subject.after, indexes: &tree.indexes, options };
        let made = look(&seen, &findings)?;
        Ok((findings, made))
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
