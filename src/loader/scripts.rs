//! Python files of a tree.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::View;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::python;
use crate::python::Kind;
use crate::python::Modules;
use crate::python::Script;

impl<'a> View<'a> {
    /// Python files that have something to say.
    pub fn scripts(self) -> impl Iterator<Item = (&'a ImagePath, Arc<Script>)> {
        self.tree.iter().filter_map(move |(path, node)| Some((path, self.objects.script(path, node)?)))
    }

    /// The same, with the calls of operators that go through names of other modules.
    #[must_use]
    pub fn followed_scripts(self) -> Vec<(&'a ImagePath, Arc<Script>)> {
        let kind = |path: &ImagePath| match self.tree.get(path)?.entry.node {
            Node::File(_) => Some(Kind::File),
            Node::Directory => Some(Kind::Directory),
            _ => None,
        };
        let extensions = self.tree.iter().filter_map(|(path, _)| extension(path)).collect::<BTreeSet<_>>();
        python::follow(self.scripts().collect(), &Modules { kind: &kind, extensions })
    }
}

/// The path of an extension module without what follows the first dot of its name.
fn extension(path: &ImagePath) -> Option<ImagePath> {
    let name = path.name();
    let stem = name.split(|byte| *byte == b'.').next().filter(|_| name.ends_with(b".so"))?;
    path.parent()?.join(stem).ok()
}
