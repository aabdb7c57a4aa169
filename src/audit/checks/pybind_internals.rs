//! Extension modules that cannot pass each other's objects.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Traits;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Mapped;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "pybind-internals",
    summary: "modules of one process keep their Python classes in different registries",
    severity: Severity::Warning,
    explain: "\
pybind11 and nanobind keep the C++ classes that Python knows in a registry, whose name has the version of the \
binding library and of the C++ ABI in it. Modules with the same name share it, and so can pass objects of each \
other's classes. With different names they cannot: `TypeError: incompatible function arguments`, with a class \
in the message that looks right. Modules that pass only Python's own objects, or tensors, do not notice.

A warning where this build parts what was together before; a note where it was so already, or where nothing is \
known of before. To keep them together, take both from builds with the same compiler and binding library.",
    example: include_str!("../../../fixtures/checks/pybind-internals/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let mut known = Known::default();
    for world in &case.worlds {
        for index in case.in_scope(world) {
            let own = &world.objects[index];
            let names = known.of(case, own)?;
            if names.is_empty() {
                continue;
            }
            for other in world.closure(index).into_iter().filter(|other| *other != index) {
                let others = known.of(case, &world.objects[other])?;
                if others.is_empty() || !names.is_disjoint(&others) {
                    continue;
                }
                let (own, other) = (&own.file, &world.objects[other].file);
                let severity =
                    if together_before(case, own, other)? { Severity::Warning } else { Severity::Note };
                let text = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
                let message =
                    format!("does not share its Python classes with `{other}`, which it is linked with");
                let mut finding = Finding::new(CHECK.id, severity, own.to_string(), message);
                finding.symbol = Some(other.to_string());
                finding.evidence.insert("registry".to_owned(), text(&names));
                finding.evidence.insert("other".to_owned(), text(&others));
                findings.add(finding, vec![own.clone(), other.clone()]);
            }
        }
    }
    Ok(())
}

/// The registries of files that were asked for, by their numbers in the catalogue.
#[derive(Default)]
struct Known(BTreeMap<usize, Arc<BTreeSet<String>>>);

impl Known {
    fn of(&mut self, case: &Case<'_>, mapped: &Mapped) -> Result<Arc<BTreeSet<String>>, ObjectError> {
        if let Some(names) = self.0.get(&mapped.number) {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(registries(&case.traits(&mapped.file)?));
        self.0.insert(mapped.number, Arc::clone(&names));
        Ok(names)
    }
}

fn registries(traits: &Arc<Traits>) -> BTreeSet<String> {
    traits.texts.bindings.iter().cloned().collect()
}

/// Whether the files at these paths shared a registry before this build.
fn together_before(case: &Case<'_>, own: &ImagePath, other: &ImagePath) -> Result<bool, ObjectError> {
    let Some(before) = case.before else {
        return Ok(false);
    };
    let (own, other) = (registries(&before.traits(own)?), registries(&before.traits(other)?));
    Ok(!own.is_disjoint(&other))
}
