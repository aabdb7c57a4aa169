//! A symbol version that the file found does not define.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "symbol-version-missing",
    summary: "a library lacks a symbol version that another wants of it",
    severity: Severity::Error,
    explain: "\
Before any symbol is bound, ld.so compares the versions that each file wants (.gnu.version_r) with those that \
the library found defines (.gnu.version_d). One that is absent stops the load: `version `FABRIC_1.7' not \
found (required by …)`. A library without any versions only causes a warning, and versions wanted weakly may \
be absent.

The usual cause is an older copy of a library that is found first: look at the path in the finding and at \
LD_LIBRARY_PATH. To fix it, graft a newer provider, or an older file that wants less.",
    example: include_str!("../../../fixtures/checks/symbol-version-missing/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        for index in case.in_scope(world) {
            for missing in world.missing_versions(index) {
                let (by, of) = (&world.objects[missing.by], &world.objects[missing.of]);
                let message =
                    format!("wants version `{}` of `{}`, which does not define it", missing.version, of.file);
                let mut finding = Finding::new(CHECK.id, CHECK.severity, by.file.to_string(), message);
                finding.symbol = Some(missing.version.clone());
                finding.evidence.insert("provider".to_owned(), of.file.to_string());
                let defined = of.object.facts.version_defs.join(", ");
                finding.evidence.insert("defined".to_owned(), defined);
                finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
                finding.help = other(case, &missing.version, &of.file);
                findings.add(finding, vec![by.file.clone(), of.file.clone()]);
            }
        }
    }
    Ok(())
}

/// A copy of the provider elsewhere in the image that has the version.
fn other(case: &Case<'_>, version: &str, of: &ImagePath) -> Option<String> {
    let catalogue = &case.loader.catalogue;
    let soname = catalogue.get(of)?.facts.soname.clone()?;
    let has = |path: &&ImagePath| {
        let object = catalogue.get(path);
        object.is_some_and(|object| object.facts.version_defs.iter().any(|defined| defined == version))
    };
    let path = catalogue.named(&soname).iter().find(has)?;
    Some(format!("`{path}` has it: let its directory be searched first"))
}
