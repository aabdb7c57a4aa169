//! Files of one build of which some were moved and others were not.

use std::collections::BTreeSet;

use crate::abi::demangle;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::crossings::Crossings;
use crate::audit::left;
use crate::audit::left::Left;
use crate::audit::mixed;
use crate::audit::mixed::Stranger;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "built-together",
    summary: "a file stays behind that was built together with one that is replaced",
    severity: Severity::Warning,
    explain: "\
C++ files that were compiled together agree on the layout of the classes they exchange. Nothing in the files \
says so: when one of them is replaced by a later build and the other stays, every symbol still resolves, the \
image loads, and then it reads fields at the wrong place and crashes.

Looked at are the directories that grafts map, and all of a wheel (by its RECORD) of which a graft replaces a \
part. A file of the image that stays, and that differs from the \
donor's file of the same name or is not in the donor at all, is told when C++ symbols without a version go \
between it and a file that was replaced. Names of the standard library do not count. A file without such symbols \
that lies beside files that were replaced is a note: it may be one that is opened at run time.

Without a recipe, a file is told that is not the one its wheel brought (by the hash in RECORD) and that exchanges \
C++ symbols with files of the wheel that are: somebody has put another release's file among them. A wheel \
whose files all differ was stripped or given other search paths after it was installed: nothing is said of it.

To fix it, graft the file that is named too. If it is known to fit, allow the finding with the reason.",
    example: include_str!("../../../fixtures/checks/built-together/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let left = left::behind(case)?;
    if !left.is_empty() {
        let moved = case.donors.iter().flat_map(|donor| donor.donor.moved.keys());
        let among = left.iter().map(|file| &file.path).chain(moved).cloned().collect();
        let crossings = Crossings::among(case, &among)?;
        for file in left {
            behind(case, &file, &crossings, findings);
        }
    }
    for stranger in mixed::strangers(case)? {
        let blame = std::iter::once(&stranger.path).chain(stranger.others.keys()).cloned().collect();
        findings.add(strange(&stranger), blame);
    }
    Ok(())
}

fn behind(case: &Case<'_>, file: &Left<'_>, crossings: &Crossings, findings: &mut Findings) {
    let moved =
        |path: &ImagePath| file.donor.donor.moved.contains_key(path) && case.changed.contains_key(path);
    let related: Vec<(&ImagePath, &BTreeSet<String>)> =
        crossings.of(&file.path).filter(|(path, _)| moved(path)).collect();
    if related.is_empty() {
        if let Some((finding, blame)) = file.quiet(case) {
            findings.add(finding, blame);
        }
    } else {
        let blame = related.iter().map(|(path, _)| (*path).clone()).collect();
        findings.add(file.crash(&related), blame);
    }
}

/// A file that somebody put into an installed wheel.
fn strange(stranger: &Stranger) -> Finding {
    let symbols: BTreeSet<&String> = stranger.others.values().flatten().collect();
    let files: Vec<String> = stranger.others.keys().map(ToString::to_string).collect();
    let message = format!(
        "is not the file that `{}` brought, and C++ symbols go between it and {} ({} in all)",
        stranger.wheel,
        match files.as_slice() {
            [one] => format!("`{one}`, which is"),
            _ => format!("{} files that are", files.len()),
        },
        symbols.len()
    );
    let mut finding = Finding::new(CHECK.id, CHECK.severity, stranger.path.to_string(), message);
    let some: Vec<String> = symbols.iter().take(5).map(|name| demangle(name)).collect();
    finding.evidence.insert("symbols".to_owned(), some.join("; "));
    finding.evidence.insert("as_installed".to_owned(), files.join(", "));
    let advice = "take all files of the package from one release: `imgforge abi closure` names them";
    finding.help = Some(advice.to_owned());
    finding
}

impl Left<'_> {
    /// C++ symbols go between it and files that were moved.
    fn crash(&self, related: &[(&ImagePath, &BTreeSet<String>)]) -> Finding {
        let symbols: BTreeSet<&String> = related.iter().flat_map(|(_, symbols)| symbols.iter()).collect();
        let files: Vec<String> = related.iter().map(|(path, _)| path.to_string()).collect();
        let message = format!(
            "stays as it is, but was built together with {}, and C++ symbols go between them ({} in all): \
             it loads, and can crash",
            match files.as_slice() {
                [one] => format!("`{one}`, which is replaced"),
                [one, rest @ ..] => format!("`{one}` and {} more files that are replaced", rest.len()),
                [] => String::new(),
            },
            symbols.len()
        );
        let mut finding = Finding::new(CHECK.id, CHECK.severity, self.path.to_string(), message);
        let some: Vec<String> = symbols.iter().take(5).map(|name| demangle(name)).collect();
        finding.evidence.insert("symbols".to_owned(), some.join("; "));
        finding.evidence.insert("replaced".to_owned(), files.join(", "));
        finding.help = Some(self.help());
        finding
    }

    /// Nothing shows that it must move, but the donor has another build of it: libraries that are only opened at
    /// run time (`dlopen`) look like this. Nothing is said of a file that the donor does not have.
    fn quiet(&self, case: &Case<'_>) -> Option<(Finding, Vec<ImagePath>)> {
        let mut moved = self.donor.donor.moved.keys().filter(|path| case.changed.contains_key(*path));
        let first = moved.find(|path| path.parent() == self.path.parent())?;
        let name = self.donor.donor.name;
        let message = format!("stays as it is beside files of `{name}`, which has another build of it");
        let finding = Finding::new(CHECK.id, Severity::Note, self.path.to_string(), message);
        let finding = Finding { help: Some(self.help()), ..finding };
        self.has.then(|| (finding, vec![first.clone()]))
    }

    pub(super) fn help(&self) -> String {
        let name = self.donor.donor.name;
        if self.has {
            format!("graft it from `{name}` too")
        } else {
            format!("`{name}` has no file of this name: find out what took its place")
        }
    }
}
