//! Where ld.so gives up with an assertion of its own.

use std::sync::Arc;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Symbols;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;

pub(super) static CHECK: Check = Check {
    id: "loader-abort",
    summary: "the dynamic loader ends the process with an assertion",
    severity: Severity::Error,
    explain: "\
Two things make ld.so stop the whole process with `Inconsistency detected by ld.so`, and no caller of dlopen can catch \
it. A file wants versions of a library that nothing was loaded under the name of: a tool has renamed the library in \
DT_NEEDED and not in the version table, or the other way round (`Assertion needed != NULL failed`). And, up to glibc \
2.40, a symbol is wanted in a version, and the library that should have it defines the symbol and has no versions at \
all, as a build with another linker script does (`Assertion version->filename == NULL failed`).

A reference that is looked up only when it is first called is a warning. To fix it, take both files from the same \
build, or rename in both places (patchelf and auditwheel of today do).",
    example: include_str!("../../../fixtures/checks/loader-abort/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        for index in case.in_scope(world) {
            unasked(case, world, index, findings);
        }
        lost(case, world, findings)?;
    }
    Ok(())
}

/// Versions of files that nothing was loaded as. What a tree without a C library takes from the platform is not
/// there to be loaded under any name.
fn unasked(case: &Case<'_>, world: &World, index: usize, findings: &mut Findings) {
    let file = &world.objects[index].file;
    let outside = |name: &String| case.loader.system.bare && case.loader.is_platform(name);
    for name in world.unasked_versions(index).into_iter().filter(|name| !outside(name)) {
        let message = format!("wants versions of `{name}`, and nothing is loaded by that name: ld.so aborts");
        let mut finding = Finding::new(CHECK.id, Severity::Error, file.to_string(), message);
        finding.symbol = Some(name);
        finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
        let needed = world.objects[index].object.facts.needed.join(", ");
        finding.evidence.insert("needed".to_owned(), needed);
        finding.help = Some("rename the library in DT_NEEDED and in .gnu.version_r alike".to_owned());
        findings.add(finding, vec![file.clone()]);
    }
}

/// Symbols wanted in versions of files that have lost all of theirs.
fn lost(case: &Case<'_>, world: &World, findings: &mut Findings) -> Result<(), ObjectError> {
    let wanted = world.objects.iter().flat_map(|mapped| &mapped.object.facts.version_needs);
    let plain = |name: &str| {
        world.named(name).is_some_and(|index| world.objects[index].object.facts.version_defs.is_empty())
    };
    if !wanted.into_iter().any(|need| plain(&need.file)) {
        return Ok(());
    }
    let symbols: Vec<Arc<Symbols>> = case.symbols(world)?;
    for (index, mapped) in world.objects.iter().enumerate() {
        let at = |symbol| Some((symbol, world.aborts_at(&case.loader, &symbols, index, symbol)?));
        let Some((symbol, found)) = symbols[index].undefined.iter().find_map(at) else { continue };
        let lost = &world.objects[found].file;
        if !case.is_in_scope(mapped) && !case.is_in_scope(&world.objects[found]) {
            continue;
        }
        let version = symbol.version.as_ref().map(|need| need.version.as_str()).unwrap_or_default();
        let message = format!(
            "wants `{}@{version}` of `{lost}`, which has no versions at all: ld.so aborts",
            symbol.name
        );
        let later = symbol.lazy && !mapped.object.facts.binds_now() && world.python.is_none();
        let severity = if later { Severity::Warning } else { Severity::Error };
        let mut finding = Finding::new(CHECK.id, severity, mapped.file.to_string(), message);
        finding.symbol = Some(symbol.name.to_string());
        finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
        finding.help = Some("take both files from the same build".to_owned());
        findings.add(finding, vec![mapped.file.clone(), lost.clone()]);
    }
    Ok(())
}
