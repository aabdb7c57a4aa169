//! A process as ld.so would set it up: what is loaded, in which order, under which names.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Loader;
use super::Python;
use super::place;
use super::search;
use super::search::Answer;
use super::search::Opened;
use super::search::Request;
use crate::index::Object;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;

/// One loaded file.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The file, all links followed.
    pub file: ImagePath,
    /// Its number in the loader's catalogue.
    pub number: usize,
    /// Its facts.
    pub object: Arc<Object>,
    /// For each `DT_NEEDED`, which loaded object it means; `None` when it is missing.
    pub needed: Vec<Option<usize>>,
    /// Nothing in the search path leads to it: it is taken for one that an earlier import has loaded.
    pub assumed: bool,
    /// The rule of the search that led to it when it was first asked for, such as `/opt/lib (RUNPATH)`; `None` for
    /// files that are opened by their own path.
    pub via: Option<String>,
    /// The path it was opened by.
    pub opened: String,
    /// Who caused it to be loaded.
    pub(super) by: Option<usize>,
    /// Number of the scope that it was loaded in: its symbols were looked up there.
    pub(super) scope: usize,
    inode: u64,
    /// Whether `needed` is filled in.
    expanded: bool,
}

/// A needed name that leads to no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The name, as in `DT_NEEDED`.
    pub name: String,
    /// Who needs it: an index into [`World::objects`].
    pub by: usize,
    /// Where it was looked for, in order.
    pub searched: Vec<String>,
    /// Files of that name that cannot be loaded, and why.
    pub unfit: Vec<String>,
    /// The last of these is no library at all: ld.so stops there, whatever comes later in the search.
    pub fatal: bool,
    /// The host brings it at run time.
    pub host: bool,
    /// The tree has no C library, so it is a part of a system, and this belongs to another part of it.
    pub outside: bool,
}

/// A subject with everything that is loaded when it is.
#[derive(Debug, Clone)]
pub struct World {
    /// What was to be loaded.
    pub subject: ImagePath,
    /// The interpreter it is loaded into, for a file of a Python package.
    pub python: Option<Python>,
    /// Everything loaded, in order.
    pub objects: Vec<Mapped>,
    /// Everything needed and not found.
    pub missing: Vec<Missing>,
    /// Somebody said with what it is loaded.
    pub stated: bool,
    /// Whether `LD_LIBRARY_PATH` is obeyed.
    pub(super) library_path: bool,
    /// What everybody sees: the program with what it needs, then whatever was opened with `RTLD_GLOBAL`.
    pub(super) global: Vec<usize>,
    /// The program with what it needs, then, for each file opened, that with what it needs: breadth first.
    pub(super) scopes: Vec<Vec<usize>>,
    /// Number of the scope that the subject was opened in.
    pub(super) last: usize,
    /// Number of the scope that is being opened.
    pub(super) opening: usize,
    /// Names that objects were asked for by, and paths that they were opened by.
    pub(super) asked: BTreeMap<String, usize>,
    /// The first object with each SONAME.
    pub(super) sonames: BTreeMap<String, usize>,
}

impl World {
    /// Nothing is loaded yet.
    pub(super) fn empty(
        subject: ImagePath,
        python: Option<Python>,
        stated: bool,
        library_path: bool,
    ) -> Self {
        Self {
            subject,
            python,
            stated,
            library_path,
            objects: Vec::new(),
            missing: Vec::new(),
            global: Vec::new(),
            scopes: vec![Vec::new()],
            last: 0,
            opening: 0,
            asked: BTreeMap::new(),
            sonames: BTreeMap::new(),
        }
    }

    /// What the subject itself and everything it needs is, breadth first, the subject first.
    pub fn scope(&self) -> impl Iterator<Item = &Mapped> {
        self.scopes[self.last].iter().filter_map(|index| self.objects.get(*index))
    }

    /// Where `file` is among the objects.
    #[must_use]
    pub fn find(&self, file: &ImagePath) -> Option<usize> {
        self.objects.iter().position(|mapped| mapped.file == *file)
    }

    /// `object` and everything that it needs, directly or not: indexes into [`World::objects`].
    #[must_use]
    pub fn closure(&self, object: usize) -> BTreeSet<usize> {
        let mut below = BTreeSet::from([object]);
        let mut todo = vec![object];
        while let Some(index) = todo.pop() {
            let needed = self.objects.get(index).into_iter().flat_map(|mapped| &mapped.needed);
            todo.extend(needed.flatten().copied().filter(|needed| below.insert(*needed)));
        }
        below
    }

    /// Whether this object is the program, or loaded for it: then whatever is loaded later sees its symbols.
    #[must_use]
    pub fn is_global(&self, object: usize) -> bool {
        self.global.contains(&object)
    }

    /// Whether this object was there when the program began, and not opened later.
    #[must_use]
    pub fn is_from_start(&self, object: usize) -> bool {
        self.objects.get(object).is_some_and(|mapped| mapped.scope == 0)
    }

    /// Loads what `LD_PRELOAD` and `/etc/ld.so.preload` name. What is not there is passed over by ld.so.
    pub(super) fn preload(&mut self, loader: &Loader<'_>, main: usize) -> Vec<usize> {
        let list = loader.view.env.get("LD_PRELOAD").map(String::as_str).unwrap_or_default();
        let named = list.split([':', ' ']).filter(|name| !name.is_empty());
        let mut preloaded = Vec::new();
        for name in named.chain(loader.system.preload.iter().map(String::as_str)) {
            let mut ignored = Vec::new();
            let found = self.need(loader, main, name, &mut ignored);
            preloaded.extend(found.filter(|index| *index != main && !preloaded.contains(index)));
        }
        preloaded
    }

    /// Loads what is needed by those in `order`, and what that needs: breadth first, each once.
    pub(super) fn dependencies(&mut self, loader: &Loader<'_>, mut order: Vec<usize>) -> Vec<usize> {
        let mut next = 0;
        while let Some(index) = order.get(next).copied() {
            next += 1;
            if !self.objects[index].expanded {
                self.expand(loader, index);
            }
            for found in self.objects[index].needed.iter().flatten() {
                if !order.contains(found) {
                    order.push(*found);
                }
            }
        }
        order
    }

    /// Finds what one object needs.
    fn expand(&mut self, loader: &Loader<'_>, index: usize) {
        let object = Arc::clone(&self.objects[index].object);
        let mut missing = Vec::new();
        let mut needed = Vec::new();
        for name in &object.facts.needed {
            needed.push(self.need(loader, index, name, &mut missing));
        }
        self.missing.append(&mut missing);
        self.objects[index].needed = needed;
        self.objects[index].expanded = true;
    }

    /// The object that `name` means to `by`, loaded now if it is not yet.
    fn need(
        &mut self,
        loader: &Loader<'_>,
        by: usize,
        name: &str,
        missing: &mut Vec<Missing>,
    ) -> Option<usize> {
        let asked = self.asked.get(name).copied();
        if let Some(index) = asked.into_iter().chain(self.sonames.get(name).copied()).min() {
            if asked.is_none() {
                self.asked.insert(name.to_owned(), index);
            }
            return Some(index);
        }
        let chain = std::iter::successors(Some(by), |index| self.objects[*index].by);
        let request = Request {
            name,
            chain: chain.map(|index| &self.objects[index]).collect(),
            main: &self.objects[0],
            library_path: loader.view.env.get("LD_LIBRARY_PATH").filter(|_| self.library_path),
        };
        let own = self.interpreter(loader, name);
        let answer = if own.is_some() { Answer::default() } else { search::find(loader, &request) };
        let found = answer.found.or(own);
        let assumed = found.is_none();
        let found = match &answer.fatal {
            None => found.or_else(|| self.imported(loader, name)),
            Some(_) => None,
        };
        let Some(opened) = found else {
            missing.push(Missing {
                name: name.to_owned(),
                by,
                searched: answer.searched,
                fatal: answer.fatal.is_some(),
                unfit: answer.unfit.into_iter().chain(answer.fatal).collect(),
                host: loader.is_host_library(name),
                outside: loader.is_outside(name),
            });
            return None;
        };
        let new = self.objects.len();
        let index = self.map(loader, opened, Some(by))?;
        self.asked.entry(name.to_owned()).or_insert(index);
        self.objects[index].assumed |= assumed;
        if index == new && !name.contains('/') {
            let import = || "an earlier import".to_owned();
            self.objects[index].via = if assumed { Some(import()) } else { answer.searched.last().cloned() };
        }
        Some(index)
    }

    /// The dynamic loader, which is there before anything is searched: libc needs it by its SONAME, and
    /// where it lies need not be in the search path.
    fn interpreter<'a>(&self, loader: &Loader<'a>, name: &str) -> Option<Opened<'a>> {
        if !name.starts_with("ld-linux") {
            return None;
        }
        let main = self.objects.first()?;
        let path = main.object.facts.interpreter.clone().filter(|path| path.ends_with(name));
        let named = path.and_then(|path| place::file(loader.view.tree, &path).map(|(file, _)| file));
        let file = named.or_else(|| loader.catalogue.named(name).first().cloned())?;
        Some(open(&file, loader.view.tree.get(&file)?))
    }

    /// A library of the same `site-packages` that an import can have loaded before (`import torch` does it
    /// for everything built on torch): it is found by its SONAME then, wherever it is. Of several the one
    /// nearest to the subject. A tree without a C library is taken for such a directory as a whole.
    fn imported<'a>(&self, loader: &Loader<'a>, name: &str) -> Option<Opened<'a>> {
        let root = ImagePath::root();
        let site = match &self.python {
            Some(python) => &python.site,
            None if loader.system.bare => &root,
            None => return None,
        };
        let near = |file: &&ImagePath| {
            let (file, subject) = (file.ancestors(), self.subject.ancestors());
            file.iter().filter(|place| subject.contains(place)).count()
        };
        let files = loader.catalogue.named(name).iter().rev().filter(|file| file.is_within(site));
        let file = files.max_by_key(near)?;
        Some(open(file, loader.view.tree.get(file)?))
    }

    /// Maps a file; one that is there already under another name is that one.
    pub(super) fn map(
        &mut self,
        loader: &Loader<'_>,
        opened: Opened<'_>,
        by: Option<usize>,
    ) -> Option<usize> {
        let same = |mapped: &Mapped| mapped.inode == opened.node.inode || mapped.file == opened.file;
        if let Some(index) = self.objects.iter().position(same) {
            return Some(index);
        }
        let number = loader.catalogue.number(&opened.file)?;
        let object = Arc::clone(loader.catalogue.object(number)?);
        let new = self.objects.len();
        self.asked.entry(opened.opened.clone()).or_insert(new);
        if let Some(soname) = &object.facts.soname {
            self.sonames.entry(soname.clone()).or_insert(new);
        }
        self.objects.push(Mapped {
            object,
            number,
            via: None,
            opened: opened.opened,
            file: opened.file,
            needed: Vec::new(),
            assumed: false,
            by,
            scope: self.opening,
            inode: opened.node.inode,
            expanded: false,
        });
        Some(new)
    }
}

/// A file opened by its own path.
pub(super) fn open<'a>(file: &ImagePath, node: &'a TreeNode) -> Opened<'a> {
    Opened { opened: place::text(file), file: file.clone(), node }
}
