//! Two major versions of the CUDA runtime in one process.

use std::collections::BTreeMap;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "cuda-major",
    summary: "files of one process need different major versions of the CUDA runtime",
    severity: Severity::Warning,
    explain: "\
libcudart.so.12 and libcudart.so.13 can both be loaded into one process, and each then keeps its own streams, \
events and registered kernels. What one half of the process makes, the other half cannot use, and both need a \
driver that is new enough for them. Packages of different CUDA majors that were mixed look like this: nothing is \
missing, and the first call across the border fails.

Looked at is every DT_NEEDED of each process in scope. To fix it, take builds for the same CUDA major.",
    example: include_str!("../../../fixtures/checks/cuda-major/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for world in &case.worlds {
        let users = users(world);
        let mut majors: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (file, _, major) in &users {
            majors.entry(*major).or_default().push(file.to_string());
        }
        let Some(first) = users.first().filter(|_| majors.len() > 1).map(|(_, _, major)| *major) else {
            continue;
        };
        let in_scope = || users.iter().filter(|(file, ..)| case.affected.contains(*file));
        let others = in_scope().any(|(_, _, major)| *major != first);
        for (file, name, major) in in_scope().filter(|(_, _, major)| !others || *major != first) {
            let against: Vec<String> = majors
                .iter()
                .filter(|(other, _)| *other != major)
                .map(|(other, _)| other.to_string())
                .collect();
            let message = format!(
                "needs the runtime of CUDA {major}, but others in the same process need that of CUDA {}",
                against.join(" and ")
            );
            let mut finding = Finding::new(CHECK.id, CHECK.severity, file.to_string(), message);
            finding.symbol = Some((*name).to_owned());
            for (major, files) in &majors {
                finding.evidence.insert(format!("cuda_{major}"), files.join(", "));
            }
            finding.evidence.insert("loaded_by".to_owned(), world.subject.to_string());
            finding.help = Some("take builds for the same CUDA major".to_owned());
            findings.add(finding, users.iter().map(|(file, ..)| (*file).clone()).collect());
        }
    }
    Ok(())
}

/// Files that need a CUDA runtime, in the order they are loaded, with its name and major version.
fn users(world: &World) -> Vec<(&ImagePath, &str, u32)> {
    let needs = |needed: &'_ String| major(needed);
    let objects = world.objects.iter();
    let user = objects.filter_map(|mapped| {
        let needed = mapped.object.facts.needed.iter();
        let (name, major) = needed.filter_map(|name| Some((name, needs(name)?))).next()?;
        Some((&mapped.file, name.as_str(), major))
    });
    user.collect()
}

/// `12` of `libcudart.so.12`, `libcudart.so.12.8.90` and `libcudart-c3a75b33.so.12.8.90`.
fn major(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("libcudart")?;
    let (hash, rest) = rest.split_once(".so.")?;
    let digits = rest.split('.').next()?;
    (hash.is_empty() || hash.starts_with('-')).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors() {
        for (name, want) in [
            ("libcudart.so.12", Some(12)),
            ("libcudart.so.11.0", Some(11)),
            ("libcudart-c3a75b33.so.12.8.90", Some(12)),
            ("libcudart.so", None),
            ("libcudart_static.so.1", None),
            ("libcublas.so.12", None),
        ] {
            assert_eq!(major(name), want, "{name}");
        }
    }
}
