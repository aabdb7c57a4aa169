//! What is found only because of `LD_LIBRARY_PATH`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Mapped;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "library-path-needed",
    summary: "libraries are found only because the image sets LD_LIBRARY_PATH",
    severity: Severity::Warning,
    explain: "\
Every file is loaded twice: with the image's LD_LIBRARY_PATH and without. What is found only with it depends on a \
variable that does not reach everything: `sudo`, `su -`, `ssh`, cron, a job's own environment or an entry point that \
sets it anew start processes without it, and a test in the image's shell sees nothing of that.

One note for each directory of the variable, with the libraries that come from there and the files that need them. A \
program with the set-user-ID or set-group-ID bit is a warning: for users whose right it raises, ld.so ignores the \
variable.

To be rid of it, put the directory into /etc/ld.so.conf.d and run ldconfig, or give the files a RUNPATH.",
    example: include_str!("../../../fixtures/checks/library-path-needed/expected.txt"),
    run,
};

/// What one directory gives.
#[derive(Default)]
struct Place {
    libraries: BTreeSet<String>,
    users: BTreeSet<ImagePath>,
}

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for world in case.worlds.iter().filter(|world| world.objects.iter().any(|one| directory(one).is_some())) {
        let Some(plain) = case.loader.load_plain(&world.subject)? else { continue };
        for (index, name, directory) in lost(case, world, &plain) {
            let user = &world.objects[index].file;
            if is_privileged(case, &world.subject) {
                findings.add(ignored(&world.subject, user, name, directory), vec![world.subject.clone()]);
            }
            let place = places.entry(directory.to_owned()).or_default();
            place.libraries.insert(name.to_owned());
            place.users.insert(user.clone());
        }
    }
    for (directory, place) in places {
        findings.add(place.finding(case, directory), place.users.iter().cloned().collect());
    }
    Ok(())
}

/// The directory of `LD_LIBRARY_PATH` that gave the file. Files of this machine that are named one by one stand
/// in the root and are meant to find each other.
fn directory(mapped: &Mapped) -> Option<&str> {
    let directory = mapped.via.as_ref()?.strip_suffix(" (LD_LIBRARY_PATH)")?;
    (!directory.is_empty()).then_some(directory)
}

/// Needs of files in scope that `plain` lacks: number of the file, name, and the directory that has it.
fn lost<'w>(case: &Case<'_>, world: &'w World, plain: &World) -> Vec<(usize, &'w str, &'w str)> {
    let mut lost = Vec::new();
    for index in case.in_scope(world) {
        let user = &world.objects[index];
        for (name, found) in user.object.facts.needed.iter().zip(&user.needed) {
            let directory = found.and_then(|found| directory(&world.objects[found]));
            let lacks = || {
                let mut missing = plain.missing.iter();
                missing.any(|missing| missing.name == *name && plain.objects[missing.by].file == user.file)
            };
            lost.extend(directory.filter(|_| lacks()).map(|directory| (index, name.as_str(), directory)));
        }
    }
    lost
}

/// Whether a program runs with other rights than its user's (`AT_SECURE`).
fn is_privileged(case: &Case<'_>, program: &ImagePath) -> bool {
    let node = case.loader.view.tree.get(program);
    node.is_some_and(|node| node.entry.meta.mode & 0o6000 != 0) && case.loader.catalogue.is_program(program)
}

fn ignored(program: &ImagePath, user: &ImagePath, name: &str, directory: &str) -> Finding {
    let message = format!(
        "runs with other rights than its user's, and finds `{name}` only by LD_LIBRARY_PATH, which ld.so then ignores"
    );
    let mut finding = Finding::new(CHECK.id, Severity::Warning, program.to_string(), message);
    finding.symbol = Some(name.to_owned());
    finding.evidence.insert("directory".to_owned(), directory.to_owned());
    finding.evidence.insert("needed_by".to_owned(), user.to_string());
    finding
}

impl Place {
    fn finding(&self, case: &Case<'_>, directory: String) -> Finding {
        let users: Vec<String> = self.users.iter().map(ToString::to_string).collect();
        let libraries: Vec<String> = self.libraries.iter().cloned().collect();
        let message = match (libraries.as_slice(), users.as_slice()) {
            ([library], [user]) => {
                format!("gives `{user}` its `{library}`, which is not found without LD_LIBRARY_PATH")
            }
            ([library], many) => {
                format!("gives {} files `{library}`, which is not found without LD_LIBRARY_PATH", many.len())
            }
            (several, _) => {
                format!("has {} libraries that are not found without LD_LIBRARY_PATH", several.len())
            }
        };
        let mut finding = Finding::new(CHECK.id, Severity::Note, directory, message);
        finding.evidence.insert("libraries".to_owned(), libraries.join(", "));
        finding.evidence.insert("users".to_owned(), users.join(", "));
        finding.recipe = case.options.settings.get("LD_LIBRARY_PATH").cloned();
        finding
    }
}
