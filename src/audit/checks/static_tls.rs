//! Thread-local storage that has to be where no room is left.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::STATIC_TLS;

pub(super) static CHECK: Check = Check {
    id: "static-tls",
    summary: "opened files ask for more static thread-local storage than is left",
    severity: Severity::Warning,
    explain: "\
A library that is built for speed (`-ftls-model=initial-exec`, DF_STATIC_TLS) must have its thread-local variables in \
the block that every thread starts with. What the program begins with always fits; for what is opened later glibc keeps \
1,664 bytes, for all such libraries of the process together, first come, first served. Beyond that dlopen, or an \
import, fails with `cannot allocate memory in static TLS block`, often depending on the order of imports.

The sum is of one file with all that it brings. To make room, load the library with the program (LD_PRELOAD), or set \
GLIBC_TUNABLES=glibc.rtld.optional_static_tls=BYTES.",
    example: include_str!("../../../fixtures/checks/static-tls/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let raised = case.loader.view.env.get("GLIBC_TUNABLES");
    if raised.is_some_and(|tunables| tunables.contains("glibc.rtld.optional_static_tls=")) {
        return Ok(());
    }
    for world in &case.worlds {
        let wanted = world.static_tls();
        let sum: u64 = wanted.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let scope = wanted.iter().any(|(index, _)| case.is_in_scope(&world.objects[*index]));
        let Some((most, _)) =
            wanted.iter().max_by_key(|(_, bytes)| *bytes).filter(|_| scope && sum > STATIC_TLS)
        else {
            continue;
        };
        let files = wanted.iter().map(|(index, bytes)| (&world.objects[*index].file, bytes));
        let evidence: Vec<String> = files.clone().map(|(file, bytes)| format!("{file} {bytes}")).collect();
        let message = format!(
            "brings {sum} bytes of static thread-local storage into a running process, where glibc keeps {STATIC_TLS}"
        );
        let mut finding = Finding::new(CHECK.id, CHECK.severity, world.subject.to_string(), message);
        finding.symbol = Some(String::from_utf8_lossy(world.objects[*most].file.name()).into_owned());
        finding.evidence.insert("files".to_owned(), evidence.join(", "));
        finding.help = Some(
            "load the largest with the program (LD_PRELOAD), or raise glibc.rtld.optional_static_tls"
                .to_owned(),
        );
        findings.add(finding, files.map(|(file, _)| file.clone()).collect());
    }
    Ok(())
}
