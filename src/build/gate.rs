//! Fetched → Cleared: the audit of the tree as it was and as it will be decides, before anything is written.

use std::collections::BTreeMap;

use crate::audit;
use crate::build::Error;
use crate::build::Fetched;
use crate::build::Locked;
use crate::build::Seen;
use crate::build::World;
use crate::build::config::edit_config;
use crate::build::origin::Tree;
use crate::edit::Edited;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::index::ImageObjects;
use crate::layer::Changeset;
use crate::loader::View;
use crate::oci::Config;
use crate::recipe::Action;
use crate::recipe::Recipe;

/// What refuses a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Anything.
    Note,
}

impl Gate {
    /// Whether this finding refuses a build: introduced by it, at or over the level, and not allowed.
    #[must_use]
    pub fn refuses(self, finding: &Finding) -> bool {
        let level = match self {
            Self::Off => return false,
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        };
        finding.introduced && finding.allowed.is_none() && finding.severity <= level
    }
}

/// What a build is made of, for those who draw it.
pub struct Made<'a> {
    /// The recipe and its images.
    pub locked: &'a Locked,
    /// The layer that it puts on top.
    pub changes: &'a Changeset,
}

/// A build that passed its gate: the only value that can be assembled.
pub struct Cleared {
    fetched: Fetched,
    edited: Edited,
    findings: Vec<Finding>,
}

/// What the gate says.
pub enum Verdict {
    /// The build may go on.
    Cleared(Box<Cleared>),
    /// It may not.
    Refused {
        /// Why, among everything else that was found.
        findings: Vec<Finding>,
    },
}

impl Cleared {
    /// What was fetched.
    #[must_use]
    pub const fn fetched(&self) -> &Fetched {
        &self.fetched
    }

    /// What the steps came to.
    #[must_use]
    pub const fn edited(&self) -> &Edited {
        &self.edited
    }
}

impl Verdict {
    /// Everything that was found, worst first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Cleared(cleared) => &cleared.findings,
            Self::Refused { findings } => findings,
        }
    }
}

/// Settles the edits and audits the result against the base.
///
/// # Errors
/// A patch that does not fit, or a file whose facts cannot be had.
pub fn gate(fetched: Fetched, gate: Gate, world: &World<'_>) -> Result<Verdict, Error> {
    examine(fetched, gate, world, |_, _, _| Ok(())).map(|(verdict, ())| verdict)
}

/// As [`gate`], and gives what `look` makes of what was audited: it is there only while this runs.
///
/// # Errors
/// As [`gate`], and those of `look`.
pub fn examine<T>(
    fetched: Fetched,
    gate: Gate,
    world: &World<'_>,
    look: impl FnOnce(&Seen<'_>, &Made<'_>, &[Finding]) -> Result<T, Error>,
) -> Result<(Verdict, T), Error> {
    let edited = fetched.edit()?;
    let (findings, made) = audit_build(&fetched, &edited, world, look)?;
    if findings.iter().any(|finding| gate.refuses(finding)) {
        return Ok((Verdict::Refused { findings }, made));
    }
    Ok((Verdict::Cleared(Box::new(Cleared { fetched, edited, findings })), made))
}

fn audit_build<T>(
    fetched: &Fetched,
    edited: &Edited,
    world: &World<'_>,
    look: impl FnOnce(&Seen<'_>, &Made<'_>, &[Finding]) -> Result<T, Error>,
) -> Result<(Vec<Finding>, T), Error> {
    let recipe = &fetched.locked.recipe;
    let number = fetched.locked.base.image.manifest.layers.len();
    let tree = fetched.base.rootfs.with(&edited.changes, number);
    let tree = tree.map_err(|source| Error::Tree { image: recipe.name.clone(), source })?;
    let env_before = environment(&fetched.locked.base.image.config);
    let env_after = environment(&config_after(&fetched.locked.base.image.config, recipe)?);
    let contents = objects(&fetched.base, world);
    know_grafts(fetched, edited, &contents);
    contents.study_all(&edited.changes).map_err(audit::Error::from)?;
    let of_donors: BTreeMap<&String, (ImageObjects, BTreeMap<String, String>)> = fetched
        .locked
        .donors
        .iter()
        .map(|(name, origin)| {
            (name, (objects(&fetched.donors[name], world), environment(&origin.image.config)))
        })
        .collect();
    let donors: Vec<audit::Donor<'_>> = of_donors
        .iter()
        .map(|(name, (objects, env))| {
            donor(name.as_str(), &fetched.donors[name.as_str()], objects, env, edited, recipe)
        })
        .collect();
    let subject = audit::Subject {
        before: View { tree: &fetched.base.rootfs, objects: &contents, env: &env_before },
        after: View { tree: &tree, objects: &contents, env: &env_after },
        changed: &edited.spots,
        donors: &donors,
        noted: &edited.findings,
        options: &recipe.audit,
    };
    let findings = audit::run(&subject)?;
    let seen = Seen { view: subject.after, indexes: &fetched.base.indexes, options: &recipe.audit };
    let made = Made { locked: &fetched.locked, changes: &edited.changes };
    let made = look(&seen, &made, &findings)?;
    Ok((findings, made))
}

/// Says of grafted files what the indexes of donors know of them: they need not be in the store yet.
fn know_grafts(fetched: &Fetched, edited: &Edited, contents: &ImageObjects) {
    for (name, tree) in &fetched.donors {
        for (number, index) in &tree.indexes {
            let objects = index.objects_by_offset();
            let here =
                edited.grafts.iter().filter(|graft| graft.from == *name && graft.place.layer == *number);
            for graft in here {
                if let Some(object) =
                    objects.get(&graft.place.offset).filter(|object| object.digest == graft.digest)
                {
                    contents.know(graft.digest, object, index.word);
                }
            }
        }
    }
}

fn donor<'a>(
    name: &'a str,
    tree: &'a Tree,
    objects: &'a ImageObjects,
    env: &'a BTreeMap<String, String>,
    edited: &Edited,
    recipe: &Recipe,
) -> audit::Donor<'a> {
    let moved = edited.grafts.iter().filter(|graft| graft.from == name);
    let grafts = recipe.steps.iter().filter_map(|step| match &step.action {
        Action::Graft(graft) if graft.from == name => Some((graft.root.clone(), graft.into.clone())),
        _ => None,
    });
    audit::Donor {
        name,
        view: View { tree: &tree.rootfs, objects, env },
        complete: tree.rootfs.is_complete(),
        moved: moved.map(|graft| (graft.path.clone(), graft.donor_path.clone())).collect(),
        roots: grafts.collect(),
    }
}

/// Contents of an image's files. Files that a build adds are found by what their nodes say.
pub(super) fn objects(tree: &Tree, world: &World<'_>) -> ImageObjects {
    ImageObjects::new(world.store, tree.indexes.iter().map(|(number, index)| (*number, index)))
}

/// The environment that a configuration gives its image's processes.
pub(super) fn environment(config: &Config) -> BTreeMap<String, String> {
    config.env().into_iter().collect()
}

/// The base's configuration with the recipe's settings, as the result's processes will meet it.
fn config_after(base: &Config, recipe: &Recipe) -> Result<Config, Error> {
    let mut value = base.value().clone();
    edit_config(&mut value, &recipe.config);
    Ok(Config::from_value(&value)?)
}
