//! GPUs that a replaced file ran on and its successor does not.

use std::collections::BTreeSet;

use super::gpu_arch_missing::list;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Gpu;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "gpu-arch-lost",
    summary: "a replaced file ran on GPUs that its successor does not run on",
    severity: Severity::Warning,
    explain: "\
Later builds drop older architectures (PyTorch 2.8 has no code for sm_50 and sm_60), and builds of different \
makers are for different GPUs. Looked at are files with device code that the build replaces under the same path: \
told is every architecture that the old file had machine code for and on which nothing in the new file runs, \
neither machine code of the same major version nor PTX.

A warning where the recipe does not say in `[audit] gpu` which GPUs the image is for, else a note: that the \
image's own GPUs are served is what `gpu-arch-missing` looks at.

To fix it, say in the recipe which GPUs the image is for, or take a build for all of them.",
    example: include_str!("../../../fixtures/checks/gpu-arch-lost/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let Some(before) = case.before else {
        return Ok(());
    };
    for path in case.changed.keys() {
        let (old, new) = (before.traits(path)?, case.traits(path)?);
        if old.fatbins.modules.is_empty() || new.fatbins.modules.is_empty() {
            continue;
        }
        let gone = |gpu: &Gpu| new.fatbins.running_on(*gpu).0 == 0;
        let lost: BTreeSet<Gpu> = old.fatbins.architectures().into_iter().filter(gone).collect();
        if lost.is_empty() {
            continue;
        }
        let names: Vec<String> = lost.iter().map(Gpu::to_string).collect();
        let severity = if case.options.gpu.is_empty() { Severity::Warning } else { Severity::Note };
        let message = format!("no longer runs on {}", names.join(", "));
        let mut finding = Finding::new(CHECK.id, severity, path.to_string(), message);
        finding.evidence.insert("before".to_owned(), list(old.fatbins.codes().into_keys()));
        finding.evidence.insert("after".to_owned(), list(new.fatbins.codes().into_keys()));
        finding.help = Some("say in `[audit] gpu` which GPUs the image is for".to_owned());
        findings.add(finding, vec![path.clone()]);
    }
    Ok(())
}
