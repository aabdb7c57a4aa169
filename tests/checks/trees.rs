//! The trees of a fixture: the base and the donor read as layers are, the change as a build holds it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imgforge::finding::RecipeSpot;
use imgforge::index::ImageObjects;
use imgforge::index::LayerIndex;
use imgforge::index::directory;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::loader::View;
use imgforge::oci::ImagePath;
use imgforge::progress::Silent;
use imgforge::rootfs::Rootfs;
use imgforge::store::Store;

use crate::elves;
use crate::elves::path;
use crate::format::After;
use crate::format::Donor;
use crate::format::File;
use crate::format::Tree;
use crate::make::Workshop;

/// What all fixtures share: a store, and the C and C++ libraries of this machine as a layer.
pub(crate) struct Ground {
    store: Store,
    system: LayerIndex,
    _directory: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("store")).unwrap();
        let root = directory.path().join("system");
        for (path, entry) in &elves::system().upserts {
            put(&root.join(path.to_string().trim_start_matches('/')), &entry.node);
        }
        let system = read(&store, &root);
        Self { store, system, _directory: directory }
    }

    /// A tree with these files, and the layers it is made of.
    pub(crate) fn image(&self, tree: &Tree, system: bool, shop: &Workshop) -> Image {
        let directory = tempfile::tempdir().unwrap();
        for (path, file) in &tree.files {
            let target = |path: &str| directory.path().join(path.trim_start_matches('/'));
            match file {
                File::Hardlink(_) => {}
                File::Link(to) => put(&target(path), &Node::Symlink(to.clone().into_bytes())),
                file => put(&target(path), &Node::File(Content::Bytes(shop.bytes(file).unwrap()))),
            }
        }
        for (path, file) in &tree.files {
            if let File::Hardlink(to) = file {
                let at = |path: &str| directory.path().join(path.trim_start_matches('/'));
                fs::create_dir_all(at(path).parent().unwrap()).unwrap();
                fs::hard_link(at(to), at(path)).unwrap();
            }
        }
        let own = read(&self.store, directory.path());
        let system = system.then_some(&self.system);
        let layers: Vec<&LayerIndex> = system.into_iter().chain([&own]).collect();
        let changes: Vec<&Changeset> = layers.iter().map(|layer| &layer.changeset).collect();
        Image {
            tree: Rootfs::fold(0, &changes, true).unwrap(),
            objects: ImageObjects::new(&self.store, layers.iter().copied().enumerate()),
            env: tree.env.clone(),
        }
    }
}

/// Writes a node below a directory of this machine.
fn put(target: &Path, node: &Node) {
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    match node {
        Node::Directory => fs::create_dir_all(target).unwrap(),
        Node::Symlink(to) => {
            std::os::unix::fs::symlink(std::str::from_utf8(to).unwrap(), target).unwrap();
        }
        Node::File(Content::Bytes(bytes)) => fs::write(target, bytes).unwrap(),
        other => panic!("{other:?} is in no fixture"),
    }
}

fn read(store: &Store, root: &Path) -> LayerIndex {
    directory::read(store, root, &Silent).unwrap()
}

/// A tree with its contents and environment.
pub(crate) struct Image {
    pub(crate) tree: Rootfs,
    pub(crate) objects: ImageObjects,
    pub(crate) env: BTreeMap<String, String>,
}

impl Image {
    pub(crate) fn view(&self) -> View<'_> {
        View { tree: &self.tree, objects: &self.objects, env: &self.env }
    }

    /// The tree with a change on top: its contents are found by the same objects.
    pub(crate) fn with(&self, edit: &Edit) -> (Rootfs, BTreeMap<String, String>) {
        self.objects.study_all(&edit.changes).unwrap();
        let mut env = self.env.clone();
        env.extend(edit.env.clone());
        (self.tree.with(&edit.changes, 2).unwrap(), env)
    }
}

/// What a recipe would have changed.
pub(crate) struct Edit {
    pub(crate) changes: Changeset,
    pub(crate) spots: BTreeMap<ImagePath, RecipeSpot>,
    pub(crate) env: BTreeMap<String, String>,
    /// Where each variable is set.
    pub(crate) settings: BTreeMap<String, RecipeSpot>,
    /// Path in the image, and in the donor.
    pub(crate) moved: BTreeMap<ImagePath, ImagePath>,
}

/// The change of a fixture; every path stands where the fixture's text names it.
pub(crate) fn edit(text: &str, after: &After, donor: Option<&Donor>, shop: &Workshop) -> Edit {
    let spot = |at: usize| RecipeSpot {
        file: "fixture.toml".to_owned(),
        line: text[..at].matches('\n').count() + 1,
        column: 1,
    };
    let env = after.env.iter().map(|(name, value)| (name.get_ref().clone(), value.clone())).collect();
    let settings = after.env.keys().map(|name| (name.get_ref().clone(), spot(name.span().start))).collect();
    let mut edit =
        Edit { changes: Changeset::default(), spots: BTreeMap::new(), env, settings, moved: BTreeMap::new() };
    for (name, file) in &after.files {
        let node = match file {
            File::Link(to) => Node::Symlink(to.clone().into_bytes()),
            File::Hardlink(to) => Node::Hardlink(path(to)),
            file => Node::File(Content::Bytes(shop.bytes(file).unwrap())),
        };
        edit.changes.upserts.insert(path(name.get_ref()), Entry { meta: Meta::root(0o755), node });
        edit.spots.insert(path(name.get_ref()), spot(name.span().start));
    }
    for name in &after.remove {
        edit.changes.removals.insert(path(name.get_ref()));
        edit.spots.insert(path(name.get_ref()), spot(name.span().start));
    }
    for name in donor.iter().flat_map(|donor| &donor.take) {
        let donor = donor.unwrap();
        let file = &donor.files[name.get_ref()];
        let node = Node::File(Content::Bytes(shop.bytes(file).unwrap()));
        let to = path(format!("{}/{}", donor.into, name.get_ref()));
        edit.changes.upserts.insert(to.clone(), Entry { meta: Meta::root(0o755), node });
        edit.spots.insert(to.clone(), spot(name.span().start));
        edit.moved.insert(to, path(format!("{}/{}", donor.root, name.get_ref())));
    }
    edit
}
