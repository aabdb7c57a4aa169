//! A `DT_NEEDED` that leads to no file.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::other_release;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Missing;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "needed-missing",
    summary: "a needed library is not where the dynamic loader looks",
    severity: Severity::Error,
    explain: "\
Every DT_NEEDED of the files in scope is looked up as ld.so does it: names already loaded, RPATH of the file \
and of those that caused it to be loaded, LD_LIBRARY_PATH of the image's environment, RUNPATH of the file \
alone, /etc/ld.so.cache, and the default directories. A library that is missing stops the load: \
`cannot open shared object file`.

A library that only an earlier import can have loaded (as `import torch` does for what is built on torch) is \
a note. Libraries that the host brings are told by `host-library`. Of a tree without a C library (an unpacked \
wheel) only what must be in it is missed: what a RECORD lists, what auditwheel has renamed, and what is there in another \
release, in the directory that RPATH or RUNPATH of the file names.

To fix it, graft the library too, or make its directory part of the search: `env_prepend` of \
LD_LIBRARY_PATH. The finding lists the places that were searched.",
    example: include_str!("../../../fixtures/checks/needed-missing/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        for missing in world.missing.iter().filter(|missing| !missing.host && is_expected(case, missing)) {
            if case.is_in_scope(&world.objects[missing.by]) {
                let (finding, blame) = absent(case, world, missing)?;
                findings.add(finding, blame);
            }
        }
        for index in case.in_scope(world) {
            assumed(world, index, findings);
        }
    }
    outside(case, findings);
    Ok(())
}

/// Whether the tree has to have it: as a whole system, or because its other release lies where the file looks first.
fn is_expected(case: &Case<'_>, missing: &Missing) -> bool {
    !missing.outside || other_release::of(case, missing).is_some()
}

/// What a tree without a C library takes from elsewhere, one note for each library.
fn outside(case: &Case<'_>, findings: &mut Findings) {
    let mut askers: BTreeMap<&str, BTreeSet<&ImagePath>> = BTreeMap::new();
    for world in &case.worlds {
        for missing in world.missing.iter().filter(|missing| !missing.host && !is_expected(case, missing)) {
            if !case.loader.is_platform(&missing.name) {
                askers.entry(&missing.name).or_default().insert(&world.objects[missing.by].file);
            }
        }
    }
    for (name, askers) in askers {
        let Some(first) = askers.first() else {
            continue;
        };
        let message = format!("needs `{name}`, which another package or the system has to bring");
        let mut finding = Finding::new(CHECK.id, Severity::Note, first.to_string(), message);
        finding.symbol = Some(name.to_owned());
        let askers: Vec<String> = askers.into_iter().map(ToString::to_string).collect();
        finding.evidence.insert("needed_by".to_owned(), askers.join(", "));
        findings.add(finding, Vec::new());
    }
}

fn absent(
    case: &Case<'_>,
    world: &World,
    missing: &Missing,
) -> Result<(Finding, Vec<ImagePath>), ObjectError> {
    let by = &world.objects[missing.by].file;
    let mut severity = if is_optional(case, world, missing) { Severity::Warning } else { Severity::Error };
    let release = other_release::of(case, missing);
    let mut message = match (missing.unfit.last(), release) {
        (Some(unfit), _) => format!("needs `{}`, but {unfit}", missing.name),
        (None, Some(other)) => format!("needs `{}`, and finds `{other}` in its place", missing.name),
        (None, None) => format!("needs `{}`, which is not found", missing.name),
    };
    let mut finding = Finding::new(CHECK.id, severity, by.to_string(), "");
    if missing_in_donor(case, by, &missing.name)? {
        severity = Severity::Note;
        message.push_str(", nor is it in the image that the file comes from");
    }
    finding.severity = severity;
    finding.message = message;
    finding.symbol = Some(missing.name.clone());
    finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
    finding.evidence.insert("searched".to_owned(), missing.searched.join(", "));
    let elsewhere = case.loader.catalogue.named(&missing.name);
    finding.help = Some(match (elsewhere.first(), release) {
        (Some(path), _) => format!("it is at `{path}`: put its directory into the search path"),
        (None, Some(other)) => format!("take `{other}` from the release that `{by}` was built with"),
        (None, None) => {
            "graft it too, or name it in `[audit] host_libraries` if the host brings it".to_owned()
        }
    });
    let removed = case.changed.keys().filter(|path| path.name() == missing.name.as_bytes());
    let blame = std::iter::once(by).chain(removed).cloned().collect();
    Ok((finding, blame))
}

/// Whether it may be meant to fail: a library that no file needs, and that is no extension module, is opened by
/// name if at all, and packages bring such plugins for systems that have what they need. Not where the package
/// itself should have it, and not where the recipe brings the file or takes the library away.
fn is_optional(case: &Case<'_>, world: &World, missing: &Missing) -> bool {
    let by = &world.objects[missing.by].file;
    let changed = |path: &ImagePath| case.changed.get(path).is_some_and(|spot| !spot.file.is_empty());
    let removed = || {
        let mut by_recipe = case.changed.iter().filter(|(_, spot)| !spot.file.is_empty());
        by_recipe.any(|(path, _)| path.name() == missing.name.as_bytes())
    };
    case.is_opened_by_name(&world.subject)
        && !world.stated
        && missing.unfit.is_empty()
        && !case.loader.is_promised(&missing.name)
        && !changed(by)
        && !removed()
}

/// Whether the file came from a donor in which it misses the same library. A donor that is known in part
/// proves nothing.
fn missing_in_donor(case: &Case<'_>, file: &ImagePath, name: &str) -> Result<bool, ObjectError> {
    let Some((donor, path)) = case.donor_of(file).filter(|(donor, _)| donor.donor.complete) else {
        return Ok(false);
    };
    let world = donor.loader.load(path)?;
    Ok(world.is_some_and(|world| {
        let mut missing = world.missing.iter();
        missing.any(|missing| missing.name == name && world.objects[missing.by].file == *path)
    }))
}

fn assumed(world: &World, index: usize, findings: &mut Findings) {
    let by = &world.objects[index];
    for (name, needed) in by.object.facts.needed.iter().zip(&by.needed) {
        let Some(found) = needed.and_then(|needed| world.objects.get(needed)).filter(|found| found.assumed)
        else {
            continue;
        };
        let message =
            format!("needs `{name}`, which is found only when an import has loaded `{}` before", found.file);
        let mut finding = Finding::new(CHECK.id, Severity::Note, by.file.to_string(), message);
        finding.symbol = Some(name.clone());
        findings.add(finding, vec![by.file.clone()]);
    }
}
