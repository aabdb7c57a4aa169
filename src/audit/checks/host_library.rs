//! Libraries that are not in the image because the host brings them.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "host-library",
    summary: "a needed library comes from the host at run time",
    severity: Severity::Note,
    explain: "\
The NVIDIA container runtime mounts the driver's libraries into the container (libcuda.so.1, libnvidia-*.so.*, \
libcudadebugger.so.1) and runs ldconfig. They are not in the image and must not be: they have to fit the \
kernel module of the host. What the recipe names in `[audit] host_libraries` is treated the same.

Files that need them cannot be loaded on a machine without the driver, not even for a test. Symbols that these \
libraries could give are not checked.",
    example: include_str!("../../../fixtures/checks/host-library/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        for missing in world.missing.iter().filter(|missing| missing.host) {
            if !case.is_in_scope(&world.objects[missing.by]) {
                continue;
            }
            let by = &world.objects[missing.by].file;
            let message = format!("needs `{}`, which the host brings at run time", missing.name);
            let mut finding = Finding::new(CHECK.id, CHECK.severity, by.to_string(), message);
            finding.symbol = Some(missing.name.clone());
            findings.add(finding, vec![by.clone()]);
        }
    }
    Ok(())
}
