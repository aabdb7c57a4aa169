//! Device code for other GPUs than those the image is for.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Code;
use crate::elf::Fatbins;
use crate::elf::Gpu;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "gpu-arch-missing",
    summary: "a file has device code, and none that runs on a GPU the image is for",
    severity: Severity::Error,
    explain: "\
`[audit] gpu` of the recipe names the GPUs. Machine code runs on a GPU of the same major compute capability \
and the same or a higher minor one; code for `sm_90a` only on exactly that, code for `sm_100f` only on that \
family; PTX is compiled by the driver for every GPU from its own architecture up. A file that has device code \
and none of these fails when its first kernel is launched: `no kernel image is available for execution on the \
device`.

It is an error where a file that ran on the GPU is replaced by one that does not, a warning for other files that \
the build brings (some packages have one library for each architecture and load the right one), and a note for \
files of the base.

To fix it, take a build of the library for the GPU.",
    example: include_str!("../../../fixtures/checks/gpu-arch-missing/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let targets: Vec<Gpu> = case.options.gpu.iter().filter_map(|name| name.parse().ok()).collect();
    if targets.is_empty() {
        return Ok(());
    }
    for (path, _) in case.loader.catalogue.iter() {
        let traits = case.traits(path)?;
        if traits.fatbins.modules.is_empty() {
            continue;
        }
        for target in &targets {
            if traits.fatbins.running_on(*target).0 == 0 {
                let severity = severity(case, path, *target)?;
                findings.add(missing(path, *target, &traits.fatbins, severity), vec![path.clone()]);
            }
        }
    }
    Ok(())
}

fn severity(case: &Case<'_>, path: &ImagePath, target: Gpu) -> Result<Severity, ObjectError> {
    let Some(before) = case.before.filter(|_| case.changed.contains_key(path)) else {
        return Ok(Severity::Note);
    };
    let ran = before.traits(path)?.fatbins.running_on(target).0 > 0;
    Ok(if ran { Severity::Error } else { Severity::Warning })
}

fn missing(path: &ImagePath, target: Gpu, fatbins: &Fatbins, severity: Severity) -> Finding {
    let message = match severity {
        Severity::Error => format!("has no device code that runs on {target}; the file that it replaces had"),
        _ => format!("has device code, but none that runs on {target}"),
    };
    let mut finding = Finding::new(CHECK.id, severity, path.to_string(), message);
    finding.symbol = Some(target.to_string());
    finding.evidence.insert("code".to_owned(), list(fatbins.codes().into_keys()));
    finding.help = Some(format!("take a build of it that has {target}"));
    finding
}

/// Names of architectures, as people read them.
pub(super) fn list(codes: impl Iterator<Item = Code>) -> String {
    codes.map(|code| code.to_string()).collect::<Vec<_>>().join(", ")
}
