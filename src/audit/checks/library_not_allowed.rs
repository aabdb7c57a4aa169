//! Libraries that a policy's platform does not bring, and that the tree does not have either.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;

pub(super) static CHECK: Check = Check {
    id: "library-not-allowed",
    summary: "a file needs a library that neither the tree nor the policy's platform has",
    severity: Severity::Error,
    explain: "\
With a policy (`--policy manylinux_2_28`, or `policy` under `[audit]`), whatever a file needs must be in the tree or among \
the libraries that the policy's platform brings: those of glibc, libgcc_s, libstdc++, and a few more for wheels. Anything \
else may be on the machine where the file was built, and on no other. Libraries of the host (`host_libraries`, the \
NVIDIA driver's) and libpython, which the interpreter is, do not count.

Bring the library along (`auditwheel repair` does it for a wheel, a graft for an image), name it in a policy file of \
your own, or under `host_libraries` if the host brings it.",
    example: include_str!("../../../fixtures/checks/library-not-allowed/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    if case.policy.is_some() {
        for world in &case.worlds {
            for index in case.in_scope(world) {
                outside(case, world, index, findings);
            }
        }
    }
    Ok(())
}

fn outside(case: &Case<'_>, world: &World, index: usize, findings: &mut Findings) {
    let (by, Some(policy)) = (&world.objects[index], case.policy) else {
        return;
    };
    let names = by.object.facts.needed.iter().zip(&by.needed);
    for (name, _) in names.filter(|(_, found)| found.is_none()) {
        let host = case.loader.is_host_library(name) || name.starts_with("libpython");
        if host || policy.libraries.contains(name) || !case.touched.contains(&by.file) {
            continue;
        }
        let message =
            format!("needs `{name}`, which is not in the tree and which `{}` does not bring", policy.name);
        let mut finding = Finding::new(CHECK.id, CHECK.severity, by.file.to_string(), message);
        finding.symbol = Some(name.clone());
        finding.help = Some("bring it along, or name it in a policy file of your own".to_owned());
        findings.add(finding, vec![by.file.clone()]);
    }
}
