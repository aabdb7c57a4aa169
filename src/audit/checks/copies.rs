//! Other copies of a changed library.

use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "copies",
    summary: "the image has other copies of a changed library",
    severity: Severity::Note,
    explain: "\
Inference images carry several copies of the same library: from a distribution package, from a wheel, from a \
vendor's directory. Changing one of them changes nothing for programs that load another. The finding lists \
the other files with the same name or SONAME and different content, and which of the files in scope get the \
changed one.

If a program should use the changed copy and does not, change the others too, or the search path.",
    example: include_str!("../../../fixtures/checks/copies/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let catalogue = &case.loader.catalogue;
    for path in case.changed.keys() {
        let Some(object) = catalogue.get(path).filter(|object| !object.facts.is_program()) else {
            continue;
        };
        let own = String::from_utf8_lossy(path.name()).into_owned();
        let names = object.facts.soname.iter().chain([&own]);
        let others: BTreeSet<&ImagePath> = names
            .flat_map(|name| catalogue.named(name))
            .filter(|other| *other != path)
            .filter(|other| catalogue.get(other).is_some_and(|other| other.digest != object.digest))
            .collect();
        if others.is_empty() {
            continue;
        }
        let list = |paths: &mut dyn Iterator<Item = &ImagePath>| {
            paths.map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let message = format!("is one of {} copies that differ", others.len() + 1);
        let mut finding = Finding::new(CHECK.id, CHECK.severity, path.to_string(), message);
        finding.evidence.insert("copies".to_owned(), list(&mut others.iter().copied()));
        finding.evidence.insert("loaded_by".to_owned(), list(&mut users(case, path).into_iter()));
        findings.add(finding, vec![path.clone()]);
    }
    Ok(())
}

/// Files in scope that load `path`.
fn users<'c>(case: &'c Case<'_>, path: &ImagePath) -> BTreeSet<&'c ImagePath> {
    let worlds = case.worlds.iter().filter(|world| world.find(path).is_some());
    worlds.map(|world| &world.subject).filter(|subject| *subject != path).collect()
}
