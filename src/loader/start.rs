//! The order in which a process is set up: the program and what it needs, what is opened before, the subject.

use super::Loader;
use super::World;
use super::entry::Entry;
use super::place;
use super::process::open;
use crate::oci::ImagePath;

impl World {
    /// Loads `subject` as `entry` says. Without a program the subject stands for it, as when it is run by `ldd`.
    pub(super) fn load(
        loader: &Loader<'_>,
        subject: &ImagePath,
        entry: Entry,
        library_path: bool,
    ) -> Option<Self> {
        let (file, node) = place::file(loader.view.tree, &place::text(subject))?;
        let mut world = Self::empty(file.clone(), entry.python, entry.stated, library_path);
        let program = entry.program.filter(|program| *program != file);
        let main = match &program {
            Some(program) => open(program, loader.view.tree.get(program)?),
            None => open(&file, node),
        };
        let main = world.map(loader, main, None)?;
        let preloaded = world.preload(loader, main);
        if program.is_some() {
            world.begin(loader, main, preloaded.clone());
        }
        for (path, global) in &entry.before {
            world.open_before(loader, path, *global);
        }
        if program.is_some() {
            world.last = world.dlopen(loader, &file)?;
        } else {
            world.begin(loader, main, preloaded);
        }
        Some(world)
    }

    /// What is there when the program begins: `preloaded` comes right after the program.
    fn begin(&mut self, loader: &Loader<'_>, main: usize, preloaded: Vec<usize>) {
        self.opening = 0;
        let mut order = vec![main];
        order.extend(preloaded);
        let order = self.dependencies(loader, order);
        let later = std::mem::take(&mut self.global);
        self.global.clone_from(&order);
        self.global.extend(later.into_iter().filter(|index| !order.contains(index)));
        self.scopes[0] = order;
    }

    /// What is not there is passed over: whether it is, is the business of those who ask for it.
    fn open_before(&mut self, loader: &Loader<'_>, path: &ImagePath, global: bool) {
        let Some(scope) = self.dlopen(loader, path) else { return };
        if global {
            let scope = self.scopes[scope].clone();
            let new: Vec<usize> = scope.into_iter().filter(|index| !self.global.contains(index)).collect();
            self.global.extend(new);
        }
    }

    /// Opens a file with all it needs; the number of its scope, `None` when there is no such file.
    fn dlopen(&mut self, loader: &Loader<'_>, path: &ImagePath) -> Option<usize> {
        let (file, node) = place::file(loader.view.tree, &place::text(path))?;
        loader.catalogue.get(&file)?;
        self.scopes.push(Vec::new());
        let scope = self.scopes.len() - 1;
        self.opening = scope;
        let root = self.map(loader, open(&file, node), None)?;
        self.scopes[scope] = self.dependencies(loader, vec![root]);
        Some(scope)
    }
}
