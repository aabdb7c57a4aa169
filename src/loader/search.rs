//! Which file a needed name means (glibc `elf/dl-load.c`, `_dl_map_object`).

use super::Loader;
use super::accept;
use super::accept::Verdict;
use super::place;
use super::place::Spot;
use super::process::Mapped;
use crate::elf::DF_1_NODEFLIB;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;

/// Who asks, and on whose behalf.
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    /// The file that needs it, then the one that caused that to be loaded, and so on.
    pub(super) chain: Vec<&'a Mapped>,
    /// The program.
    pub(super) main: &'a Mapped,
    /// `LD_LIBRARY_PATH`, when it is obeyed.
    pub(super) library_path: Option<&'a String>,
}

/// What became of a request.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) found: Option<Opened<'a>>,
    /// Where it was looked for, in order, each place once.
    pub(super) searched: Vec<String>,
    /// Files of that name that were passed over, and why.
    pub(super) unfit: Vec<String>,
    /// A file of that name that ends the load, and why: ld.so does not look on.
    pub(super) fatal: Option<String>,
}

/// A file as it was opened.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    /// The path given to `open`: `$ORIGIN` is its directory.
    pub(super) opened: String,
    pub(super) file: ImagePath,
    pub(super) node: &'a TreeNode,
}

/// Looks for the file. Objects already loaded under that name are the caller's business.
pub(super) fn find<'a>(loader: &Loader<'a>, request: &Request<'_>) -> Answer<'a> {
    let mut search = Search { loader, request, answer: Answer::default() };
    search.run();
    search.answer
}

struct Search<'a, 'l, 'r> {
    loader: &'l Loader<'a>,
    request: &'r Request<'r>,
    answer: Answer<'a>,
}

impl<'a> Search<'a, '_, '_> {
    fn done(&self) -> bool {
        self.answer.fatal.is_some() || self.answer.found.is_some()
    }

    fn run(&mut self) {
        let request = self.request;
        let Some(asker) = request.chain.first().copied() else {
            return;
        };
        if request.name.contains('/') {
            let path = self.expand(request.name, asker);
            self.open(&path);
            return;
        }
        if asker.object.facts.runpath.is_none() {
            self.rpath();
        }
        if let Some(list) = request.library_path {
            for directory in list.split([':', ';']) {
                let directory = self.expand(directory, request.main);
                self.directory(&directory, "LD_LIBRARY_PATH");
            }
        }
        for directory in asker.object.facts.runpath.iter().flatten() {
            let directory = self.expand(directory, asker);
            self.directory(&directory, "RUNPATH");
        }
        let defaults = asker.object.facts.flags_1 & DF_1_NODEFLIB == 0;
        self.cache(defaults);
        if defaults {
            for directory in &self.loader.system.directories {
                self.directory(directory, "default");
            }
        }
    }

    /// RPATH of the asker, of those who caused it to be loaded, and of the program, whoever has no RUNPATH.
    fn rpath(&mut self) {
        let request = self.request;
        let main = request.main;
        let in_chain = request.chain.iter().any(|mapped| mapped.file == main.file);
        let extra = (!in_chain).then_some(main);
        for mapped in request.chain.iter().copied().chain(extra) {
            if mapped.object.facts.runpath.is_some() {
                continue;
            }
            for directory in &mapped.object.facts.rpath {
                let directory = self.expand(directory, mapped);
                self.directory(&directory, "RPATH");
            }
        }
    }

    fn cache(&mut self, defaults: bool) {
        if self.done() {
            return;
        }
        let loader = self.loader;
        self.answer.searched.push("/etc/ld.so.cache".to_owned());
        // One answer only: when that file is gone, ld.so does not ask the cache for another.
        let Some(path) = loader.system.cache.get(self.request.name).and_then(|paths| paths.first()) else {
            return;
        };
        let inside =
            |directory: &String| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if defaults || !loader.system.directories.iter().any(inside) {
            self.open(path);
        }
    }

    fn directory(&mut self, directory: &str, why: &str) {
        if self.done() || !directory.starts_with('/') {
            return;
        }
        let directory = directory.trim_end_matches('/');
        let place = format!("{directory} ({why})");
        if !self.answer.searched.contains(&place) {
            self.answer.searched.push(place);
        }
        let loader = self.loader;
        let (tree, name) = (loader.view.tree, self.request.name);
        for place in loader.directories.of(tree, directory, &loader.system.levels).iter() {
            match place.spot(tree, name) {
                Spot::Absent => {}
                spot => self.judge(&place.path(name), spot),
            }
        }
    }

    fn open(&mut self, path: &str) {
        self.judge(path, place::spot(self.loader.view.tree, path));
    }

    /// Takes the file if it is of the program's class and machine; passes over it if it is of another.
    fn judge(&mut self, path: &str, spot: Spot<'a>) {
        if self.done() {
            return;
        }
        match accept::judge(self.loader, &self.request.main.object.facts, path, spot) {
            Verdict::Absent => {}
            Verdict::Take(file, node) => {
                self.answer.found = Some(Opened { opened: path.to_owned(), file, node });
            }
            Verdict::Pass(why) => self.answer.unfit.push(why),
            Verdict::Stop(why) => self.answer.fatal = Some(why),
        }
    }

    /// Puts the values of `$ORIGIN`, `$LIB` and `$PLATFORM` in.
    fn expand(&self, text: &str, of: &Mapped) -> String {
        if !text.contains('$') {
            return text.to_owned();
        }
        let system = &self.loader.system;
        let mut text = text.to_owned();
        for (name, value) in
            [("ORIGIN", place::directory(&of.opened)), ("LIB", &system.lib), ("PLATFORM", system.platform)]
        {
            text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
        text
    }
}
