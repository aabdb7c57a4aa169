//! Files that the image's loader finds and does not take.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "loader-refuses",
    summary: "the image's glibc does not load a file that it finds",
    severity: Severity::Error,
    explain: "\
A file is there, is for the right machine, and is refused by what its headers say. Since glibc 2.36 a file with \
DT_RELR relocations that wants versions of libc must want `GLIBC_ABI_DT_RELR` too, or it ends the load. Since 2.41 \
`dlopen`, and with it every import of Python, does not make the stack executable: a file whose PT_GNU_STACK asks for \
it, or that has none, fails with `cannot enable executable stack as shared object requires` unless the program or what \
it began with has asked before.

Assembly without a `.note.GNU-stack` section is the usual cause of the second. To fix it, link with \
`-z noexecstack`, or run `patchelf --clear-execstack` when the code does not need it.",
    example: include_str!("../../../fixtures/checks/loader-refuses/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        for index in case.in_scope(world) {
            let Some(why) = world.refused(&case.loader, index) else { continue };
            let file = &world.objects[index].file;
            let glibc = case.loader.system.glibc.unwrap_or_default();
            let mut finding =
                Finding::new(CHECK.id, Severity::Error, file.to_string(), format!("{why} (glibc 2.{glibc})"));
            finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
            findings.add(finding, vec![file.clone()]);
        }
    }
    Ok(())
}
