//! A file for another machine than the rest.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "machine-mismatch",
    summary: "a file is for another machine than the image",
    severity: Severity::Error,
    explain: "\
ld.so passes over a library whose ELF class or machine differs from the program's, and then says that it \
cannot be found; a program of another machine does not start: `exec format error`. A file that takes the place \
of one for another machine is an error. A new one that differs from most files of the image is a warning, \
since it may be meant for a second architecture.

The usual cause is a donor resolved for another platform: set `platform` of the source.",
    example: include_str!("../../../fixtures/checks/machine-mismatch/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let native = case.before.and_then(|before| before.loader.catalogue.native());
    for path in case.changed.keys() {
        let Some(object) = case.loader.catalogue.get(path).filter(|o| matches!(o.facts.kind, 2 | 3)) else {
            continue;
        };
        let here = (object.facts.class, object.facts.machine);
        let replaced = case.before.and_then(|before| before.loader.catalogue.get(path));
        let replaced = replaced.map(|object| (object.facts.class, object.facts.machine));
        let (wanted, severity) = match (replaced, native) {
            (Some(replaced), _) => (replaced, Severity::Error),
            (None, Some(native)) => (native, Severity::Warning),
            (None, None) => continue,
        };
        if here != wanted {
            let message = format!("is for {}, where {} is wanted", machine(here), machine(wanted));
            let mut finding = Finding::new(CHECK.id, severity, path.to_string(), message);
            finding.help = Some("set `platform` of the source it comes from".to_owned());
            findings.add(finding, vec![path.clone()]);
        }
    }
    Ok(())
}

/// Class and `e_machine` (gABI, "Machine") as people call them.
fn machine((class, machine): (u8, u16)) -> String {
    let name = match machine {
        3 => "x86",
        40 => "arm",
        62 => "x86-64",
        183 => "aarch64",
        190 => "NVIDIA GPUs",
        243 => "RISC-V",
        other => return format!("{class}-bit machine {other}"),
    };
    format!("{name} ({class}-bit)")
}
