//! Names of operators, followed from the module that uses one to the one that gave it (`ceval.c`, `import_from`: a name
//! of the module, else a module of the package).
//!
//! What could be something else is nothing: a name that has another meaning anywhere, that another file sets, that is
//! also a module, or that comes out of one of several `*`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::modules::Module;
use super::modules::Modules;
use super::script::Exports;
use super::script::OpCall;
use super::script::Script;
use super::script::call;
use crate::oci::ImagePath;

/// Most modules between a call and `torch.ops`.
const HOPS: usize = 12;

/// Every script of a tree, with the calls of operators that other modules gave it a name for.
#[must_use]
pub fn follow<'a>(
    scripts: Vec<(&'a ImagePath, Arc<Script>)>,
    modules: &Modules<'_>,
) -> Vec<(&'a ImagePath, Arc<Script>)> {
    let guide = Guide::new(&scripts, modules);
    if !guide.leads_anywhere() {
        return scripts;
    }
    let followed: Vec<Vec<OpCall>> = scripts.iter().map(|(path, script)| guide.calls(path, script)).collect();
    drop(guide);
    let all = scripts.into_iter().zip(followed);
    let with = |(script, calls): (Arc<Script>, Vec<OpCall>)| {
        if calls.is_empty() {
            return script;
        }
        let mut script = Script::clone(&script);
        script.calls.extend(calls);
        script.calls.sort_by_key(|call| (call.line, call.end));
        Arc::new(script)
    };
    all.map(|((path, script), calls)| (path, with((script, calls)))).collect()
}

struct Guide<'s> {
    scripts: BTreeMap<&'s ImagePath, &'s Script>,
    modules: &'s Modules<'s>,
    /// Names of modules that other files set.
    set: BTreeSet<(ImagePath, String)>,
}

/// A path into `torch.ops`, and the file that names it.
struct Found {
    path: String,
    file: ImagePath,
}

impl<'s> Guide<'s> {
    fn new(scripts: &'s [(&'s ImagePath, Arc<Script>)], modules: &'s Modules<'s>) -> Self {
        let scripts = scripts.iter().map(|(path, script)| (*path, &**script)).collect();
        let mut guide = Self { scripts, modules, set: BTreeSet::new() };
        if guide.leads_anywhere() {
            let all = guide
                .scripts
                .iter()
                .flat_map(|(path, script)| script.set.iter().map(move |set| (*path, set)));
            guide.set = all.filter_map(|(path, set)| guide.setting(path, set)).collect();
        }
        guide
    }

    /// Whether any module has a name for an operator.
    fn leads_anywhere(&self) -> bool {
        let mut names = self.scripts.values().flat_map(|script| script.exports.names.values().flatten());
        names.any(|target| target.starts_with("torch."))
    }

    fn calls(&self, path: &ImagePath, script: &Script) -> Vec<OpCall> {
        let followed = script.imported.iter().filter_map(|imported| {
            let found = self.lookup(path, &imported.path, HOPS)?;
            let parts: Vec<&str> = found.path.split('.').collect();
            let (namespace, operator, overload) = call::at(&parts)?;
            let bound_in = Some(found.file);
            Some(OpCall { namespace, operator, overload, bound_in, ..imported.call.clone() })
        });
        followed.collect()
    }

    /// What `MODULE:NAME…` leads to, as this file imports it.
    fn lookup(&self, from: &ImagePath, path: &str, hops: usize) -> Option<Found> {
        let (module, names) = path.split_once(':')?;
        self.attribute(&self.modules.find(from, module)?, names, hops.checked_sub(1)?)
    }

    /// What `NAME…` of a module leads to.
    fn attribute(&self, module: &Module, names: &str, hops: usize) -> Option<Found> {
        let (name, rest) = names.split_once('.').unwrap_or((names, ""));
        let exports = self.exports(module);
        let inner = self.modules.inside(module, name);
        match exports.and_then(|exports| exports.names.get(name)) {
            Some(target) => {
                let (target, file) = (target.as_ref()?, module.file.as_ref()?);
                if self.is_set(module, name) || inner.is_some_and(|inner| !self.is_from(file, target, &inner))
                {
                    return None;
                }
                let path = if rest.is_empty() { target.clone() } else { join(target, rest) };
                match path.starts_with("torch.") {
                    true => Some(Found { path, file: file.clone() }),
                    false => self.lookup(file, &path, hops),
                }
            }
            None if exports.is_some_and(|exports| exports.open) || rest.is_empty() && inner.is_some() => None,
            None => match (exports.map(|exports| exports.stars.as_slice()).unwrap_or_default(), inner) {
                ([], Some(inner)) => self.attribute(&inner, rest, hops.checked_sub(1)?),
                ([star], None) if !name.starts_with('_') && !self.is_set(module, name) => {
                    self.lookup(module.file.as_ref()?, &format!("{star}{names}"), hops)
                }
                _ => None,
            },
        }
    }

    fn exports(&self, module: &Module) -> Option<&'s Exports> {
        self.scripts.get(module.file.as_ref()?).map(|script| &script.exports)
    }

    fn is_set(&self, module: &Module, name: &str) -> bool {
        module.file.as_ref().is_some_and(|file| self.set.contains(&(file.clone(), name.to_owned())))
    }

    /// Whether a name of a package that is also a module of it comes out of that module: then the module was there
    /// first, and the name replaced it.
    fn is_from(&self, file: &ImagePath, target: &str, inner: &Module) -> bool {
        let module = target.split_once(':').and_then(|(module, _)| self.modules.find(file, module));
        module.is_some_and(|module| module == *inner)
    }

    /// The module and the name that a file sets with `MODULE:NAME…`.
    fn setting(&self, from: &ImagePath, path: &str) -> Option<(ImagePath, String)> {
        let (module, names) = path.split_once(':')?;
        let mut module = self.modules.find(from, module)?;
        let mut names: Vec<&str> = names.split('.').collect();
        let last = names.pop()?;
        for name in names {
            module = self.modules.inside(&module, name)?;
        }
        Some((module.file?, last.to_owned()))
    }
}

/// `rest` below a target: `.ops:` has its names right after the colon.
fn join(target: &str, rest: &str) -> String {
    let dot = if target.ends_with(':') { "" } else { "." };
    format!("{target}{dot}{rest}")
}
