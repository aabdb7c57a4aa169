//! What the verdict does not cover.

use std::collections::BTreeMap;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Beyond;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "loader-not-modelled",
    summary: "files whose loading is not judged, and why",
    severity: Severity::Warning,
    explain: "\
What files need is looked up by a model of glibc's loader, versions 2.17 to 2.42, for the machine that most files of \
the image are for. Nothing is said about loading the files of an image whose C library is musl (Alpine): a warning, \
since no missing library and no undefined symbol would be told. Nor about files for another machine, about the few \
programs of musl in an image with glibc, and about programs that are linked statically when there is nothing else: \
notes. With another glibc the nearest rules are taken: a note.

Everything that needs no loader (operators, settings, class sizes, GPU code) is judged all the same. To have the rest \
judged, audit the image for its own platform (`--platform`), or a build of it on glibc.",
    example: include_str!("../../../fixtures/checks/loader-not-modelled/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let mut beyond: BTreeMap<Beyond, Vec<&ImagePath>> = BTreeMap::new();
    for path in &case.affected {
        if let Some(why) = case.loader.beyond(path) {
            beyond.entry(why).or_default().push(path);
        }
    }
    for (why, paths) in beyond {
        findings.add(unjudged(case, &why, &paths), paths.into_iter().cloned().collect());
    }
    if let Some(glibc) = case.loader.unknown_glibc().filter(|_| !case.worlds.is_empty()) {
        let message = format!("the image has {glibc}: it is judged by the nearest of 2.17 to 2.42");
        findings.add(told(Severity::Note, glibc, message), Vec::new());
    }
    let mut all = case.loader.catalogue.iter();
    if let (Some(first), true) = (case.affected.first(), all.all(|(path, _)| case.loader.is_static(path))) {
        let message = "is a program that is linked statically: no loader has a part in it";
        let mut finding = Finding::new(CHECK.id, Severity::Note, first.to_string(), message);
        finding.symbol = Some("static".to_owned());
        findings.add(finding, vec![first.clone()]);
    }
    Ok(())
}

fn told(severity: Severity, symbol: impl Into<String>, message: String) -> Finding {
    let mut finding = Finding::new(CHECK.id, severity, String::new(), message);
    finding.symbol = Some(symbol.into());
    finding
}

fn unjudged(case: &Case<'_>, why: &Beyond, paths: &[&ImagePath]) -> Finding {
    let count = match paths {
        [one] => format!("`{one}` is not judged"),
        many => format!("{} files are not judged", many.len()),
    };
    let mut finding = match why {
        Beyond::Musl if case.loader.system.bare => {
            let message = "the image's C library is musl: whether its files load is not judged";
            told(Severity::Warning, "musl", message.to_owned())
        }
        Beyond::Musl => told(Severity::Note, "musl", format!("{count}: loaded by musl")),
        Beyond::Machine(name) => {
            told(Severity::Note, *name, format!("{count}: for {name}, unlike most of the image"))
        }
    };
    let some: Vec<String> = paths.iter().take(5).map(ToString::to_string).collect();
    let more = paths.len().saturating_sub(some.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    finding.evidence.insert("files".to_owned(), some.join(", ") + &rest);
    finding
}
