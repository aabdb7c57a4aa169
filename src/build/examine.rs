//! The audit of what is there as it is: all of it, one file of it, or what another does not have.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit;
use crate::build::Error;
use crate::build::Seen;
use crate::build::Subject;
use crate::build::World;
use crate::build::gate;
use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::layer::Changeset;
use crate::loader::Loader;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::recipe::AuditOptions;

/// How something is audited.
#[derive(Default)]
pub struct Manner<'a> {
    /// Variables that go before its own.
    pub env: BTreeMap<String, String>,
    /// What the checks should know.
    pub options: AuditOptions,
    /// What it came of: findings that this has too are not introduced. Without one, all are.
    pub against: Option<&'a Subject>,
    /// Only this file and what it loads.
    pub inside: Option<ImagePath>,
}

impl Subject {
    /// Audits it as it is, and gives what `look` makes of what was audited: it is there only while this runs.
    ///
    /// # Errors
    /// When a layer or a file's facts cannot be had, an option makes no sense, and those of `look`.
    pub fn examine<T>(
        &self,
        manner: &Manner<'_>,
        world: &World<'_>,
        look: impl FnOnce(&Seen<'_>, &[Finding]) -> Result<T, Error>,
    ) -> Result<(Vec<Finding>, T), Error> {
        let tree = self.tree(world)?;
        let objects = gate::objects(&tree, world);
        let env = with(self.environment(), &manner.env);
        let after = View { tree: &tree.rootfs, objects: &objects, env: &env };
        let old =
            manner.against.map(|old| Ok::<_, Error>((old.tree(world)?, old.environment()))).transpose()?;
        let findings = match &old {
            None => {
                let (nothing, nobody) = (self.fold(&Changeset::default())?, BTreeMap::new());
                let before = View { tree: &nothing, objects: &objects, env: &nobody };
                self.compare(before, after, manner)?
            }
            Some((old, env)) => {
                let (objects, env) = (gate::objects(old, world), with(env.clone(), &manner.env));
                let before = View { tree: &old.rootfs, objects: &objects, env: &env };
                self.compare(before, after, manner)?
            }
        };
        let made = look(&Seen { view: after, indexes: &tree.indexes, options: &manner.options }, &findings)?;
        Ok((findings, made))
    }

    /// Variables that `env` sets and that nothing in it reads, each with the nearest name that is read.
    ///
    /// # Errors
    /// When a layer or a file's facts cannot be had.
    pub fn unread(&self, env: &BTreeMap<String, String>, world: &World<'_>) -> Result<Vec<Finding>, Error> {
        let Some(check) = audit::find("setting-unread") else {
            return Ok(Vec::new());
        };
        let tree = self.tree(world)?;
        let objects = gate::objects(&tree, world);
        let nowhere = RecipeSpot { file: String::new(), line: 0, column: 0 };
        let settings = env.keys().map(|name| (name.clone(), nowhere.clone())).collect();
        let options = AuditOptions { settings, ..AuditOptions::default() };
        let env = with(self.environment(), env);
        let view = View { tree: &tree.rootfs, objects: &objects, env: &env };
        Ok(audit::ask(check, view, &options)?)
    }

    fn compare(&self, before: View<'_>, after: View<'_>, manner: &Manner<'_>) -> Result<Vec<Finding>, Error> {
        let scope =
            manner.inside.as_ref().map(|path| self.closure(after, path, &manner.options)).transpose()?;
        let changed = changed(before, after);
        let subject = audit::Subject {
            before,
            after,
            changed: &changed,
            donors: &[],
            noted: &[],
            options: &manner.options,
        };
        let mut findings = audit::run(&subject)?;
        findings.iter_mut().for_each(|finding| finding.recipe = None);
        if let Some(scope) = scope {
            findings.retain(|finding| scope.contains(&finding.path));
        }
        Ok(findings)
    }

    /// A file and all that is loaded with it, as findings name them.
    fn closure(
        &self,
        view: View<'_>,
        path: &ImagePath,
        options: &AuditOptions,
    ) -> Result<BTreeSet<String>, Error> {
        let loader = Loader::new(view, &options.host_libraries).map_err(audit::Error::from)?;
        let loader = loader.with(audit::companies(&options.contexts)?);
        let found = view.tree.resolve(path).ok().map(|found| found.path);
        let loaded = match &found {
            Some(path) => loader.load(path).map_err(audit::Error::from)?,
            None => None,
        };
        let missing = || Error::NotInside { image: self.name().to_owned(), path: path.to_string() };
        let loaded = loaded.ok_or_else(missing)?;
        let subject = loaded.objects.iter().position(|mapped| Some(&mapped.file) == found.as_ref());
        let numbers = loaded.closure(subject.unwrap_or(0));
        let files = numbers.into_iter().chain(subject).filter_map(|number| loaded.objects.get(number));
        Ok(files.map(|mapped| mapped.file.to_string()).collect())
    }
}

fn with(mut own: BTreeMap<String, String>, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    own.extend(more.clone());
    own
}

/// ELF files that one tree has and the other has not, or has otherwise. No recipe line is to blame for any.
fn changed(before: View<'_>, after: View<'_>) -> BTreeMap<ImagePath, RecipeSpot> {
    let nowhere = RecipeSpot { file: String::new(), line: 0, column: 0 };
    let digest = |view: View<'_>, path: &ImagePath| {
        let node = view.tree.get(path)?;
        Some(view.objects.object(path, node)?.digest)
    };
    let paths = before.tree.iter().chain(after.tree.iter()).map(|(path, _)| path);
    let differ = paths.filter(|path| digest(before, path) != digest(after, path));
    differ.map(|path| (path.clone(), nowhere.clone())).collect()
}
