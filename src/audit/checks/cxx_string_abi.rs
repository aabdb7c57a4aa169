//! Two files with different kinds of `std::string`.

use std::collections::BTreeMap;

use crate::abi::StringKind;
use crate::abi::demangle;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "cxx-string-abi",
    summary: "a file wants functions with another kind of `std::string` than its library has",
    severity: Severity::Warning,
    explain: "\
Since GCC 5 there are two kinds of `std::string`; which one a file uses is decided when it is compiled \
(`_GLIBCXX_USE_CXX11_ABI`), and stands in the names of all functions that take or return one. A file compiled \
with one kind does not find the functions of a library compiled with the other: they are undefined, although \
functions with the same names and parameters are there. PyTorch changed kinds with version 2.6.

This says why `undefined-symbol` is reported, once a file. Take a build of the file with the same kind as the \
library: for extensions of PyTorch, one made for that version of it.",
    example: include_str!("../../../fixtures/checks/cxx-string-abi/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for unbound in case.unbound()? {
        let world = &case.worlds[unbound.world];
        let (symbols, index) = (case.symbols(world)?, unbound.object);
        let mut missed: BTreeMap<(usize, StringKind), Vec<&str>> = BTreeMap::new();
        for symbol in unbound.references.iter().map(|at| &symbols[index].undefined[*at]) {
            let Some(kind) = StringKind::of(&symbol.name) else {
                continue;
            };
            let Some(function) = elf::function_of(&symbol.name).filter(|name| !name.starts_with("_ZNS"))
            else {
                continue;
            };
            let other = (0..symbols.len()).find(|other| {
                let same = symbols[*other].starting_with(function);
                same.iter().any(|name| StringKind::of(&name.name) == Some(kind.other()))
            });
            if let Some(other) = other {
                missed.entry((other, kind)).or_default().push(&symbol.name);
            }
        }
        for ((other, kind), names) in missed {
            let (finding, blame) = finding(world, index, other, kind, &names);
            findings.add(finding, blame);
        }
    }
    Ok(())
}

fn finding(
    world: &World,
    index: usize,
    other: usize,
    kind: StringKind,
    names: &[&str],
) -> (Finding, Vec<ImagePath>) {
    let (own, other) = (&world.objects[index].file, &world.objects[other].file);
    let example = demangle(names.first().copied().unwrap_or_default());
    let message = format!(
        "was compiled with the {kind} `std::string`, `{other}` with the {}: `{example}` is not found",
        kind.other()
    );
    let mut finding = Finding::new(CHECK.id, CHECK.severity, own.to_string(), message);
    finding.symbol = Some("std::string".to_owned());
    finding.evidence.insert("functions".to_owned(), names.len().to_string());
    finding.evidence.insert("other".to_owned(), other.to_string());
    finding.help = Some("take both files from builds with the same _GLIBCXX_USE_CXX11_ABI".to_owned());
    (finding, vec![own.clone(), other.clone()])
}
