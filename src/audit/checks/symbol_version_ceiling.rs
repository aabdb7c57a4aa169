//! Symbol versions that a policy's platform does not have.

use std::collections::BTreeSet;

use crate::abi::demangle;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Symbols;
use crate::elf::VersionNeed;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

/// How many symbols a finding names.
const MOST: usize = 8;

pub(super) static CHECK: Check = Check {
    id: "symbol-version-ceiling",
    summary: "a file wants a symbol version that is newer than the policy's platform",
    severity: Severity::Error,
    explain: "\
With a policy (`--policy manylinux_2_28`, or `policy` under `[audit]`), every file that the build brings, or every file of \
an image or tree, is held against the platform that the policy stands for: the highest GLIBC, GLIBCXX, CXXABI and GCC \
versions that its libraries define. On that platform ld.so would stop: `version `GLIBC_2.34' not found`. Only versions \
wanted of libraries that the platform brings count: a library that lies in the tree itself may be as new as it likes.

The finding names the symbols, since the cure goes by them: build on an older system, or avoid the function (`__isoc23_strtol` \
comes of compiling against glibc 2.38 or later, whatever the source says), or graft a file that was built for the platform.",
    example: include_str!("../../../fixtures/checks/symbol-version-ceiling/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let Some(policy) = case.policy else {
        return Ok(());
    };
    for path in &case.touched {
        let (Some(object), Some(node)) = (case.loader.catalogue.get(path), case.loader.view.tree.get(path))
        else {
            continue;
        };
        // The platform's own libraries, in an image: there they are what they are.
        let own = object.facts.soname.as_ref().is_some_and(|soname| policy.libraries.contains(soname));
        let needs = object.facts.version_needs.iter();
        let of_platform = needs.filter(|need| !own && !need.weak && policy.libraries.contains(&need.file));
        let newer: Vec<(&VersionNeed, String)> =
            of_platform.filter_map(|need| Some((need, policy.ceiling(&need.version)?))).collect();
        if newer.is_empty() {
            continue;
        }
        let symbols = case.loader.view.objects.symbols(path, node)?;
        for (need, ceiling) in newer {
            let message = format!(
                "wants `{}` of `{}`, but `{}` ends at `{ceiling}`",
                need.version, need.file, policy.name
            );
            let mut finding = Finding::new(CHECK.id, CHECK.severity, path.to_string(), message);
            finding.symbol = Some(need.version.clone());
            finding.evidence.insert("symbols".to_owned(), which(&symbols, need));
            finding.help = Some("build it on an older system, or avoid these symbols".to_owned());
            findings.add(finding, vec![path.clone()]);
        }
    }
    Ok(())
}

/// The symbols that are wanted with this version.
fn which(symbols: &Symbols, need: &VersionNeed) -> String {
    let wanted = |version: &VersionNeed| version.version == need.version && version.file == need.file;
    let all = symbols.undefined.iter().filter(|symbol| symbol.version.as_deref().is_some_and(wanted));
    let names: BTreeSet<String> = all.map(|symbol| demangle(&symbol.name)).collect();
    let mut told: Vec<String> = names.iter().take(MOST).cloned().collect();
    if names.len() > MOST {
        told.push(format!("{} more", names.len() - MOST));
    }
    told.join("; ")
}
