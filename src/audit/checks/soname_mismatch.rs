//! A file whose SONAME is not the name it is asked for by.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Mapped;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "soname-mismatch",
    summary: "a replaced library calls itself by another name",
    severity: Severity::Error,
    explain: "\
A library is found by its file name, but known by its SONAME afterwards. Where a grafted file has another \
SONAME than the file it replaces, or than the name its users ask for, the two can be loaded twice, side by \
side, each with its own state: a warning. Where a user wants a symbol version of it under the old name, glibc \
before 2.41 stops with `Assertion `needed != NULL' failed`: an error.

A changed SONAME is how a library says that it is not compatible with its older self. Graft the version that \
its users were built with, or the users too.",
    example: include_str!("../../../fixtures/checks/soname-mismatch/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let users = Users::of(case);
    for path in case.changed.keys() {
        let Some(object) = case.loader.catalogue.get(path) else {
            continue;
        };
        let old = case.before.and_then(|before| before.loader.catalogue.get(path));
        let old = old.and_then(|old| old.facts.soname.as_deref());
        let new = object.facts.soname.as_deref();
        if let (Some(old), true) = (old, old != new) {
            let now = new.unwrap_or("nothing");
            let message = format!("replaces a library called `{old}`, but calls itself `{now}`");
            findings.add(finding(path, Severity::Warning, message, old), vec![path.clone()]);
        }
        if let Some(new) = new {
            users.judge(path, new, findings);
        }
    }
    Ok(())
}

/// Files that ask for a file by a name that is not its SONAME, with that name, in the order of the processes.
#[derive(Default)]
struct Users<'c>(BTreeMap<&'c ImagePath, Vec<(&'c Mapped, &'c str)>>);

impl<'c> Users<'c> {
    fn of(case: &'c Case<'_>) -> Self {
        let mut users = Self::default();
        let mut seen = BTreeSet::new();
        for world in &case.worlds {
            for user in &world.objects {
                for (name, needed) in user.object.facts.needed.iter().zip(&user.needed) {
                    let Some(target) = needed.and_then(|needed| world.objects.get(needed)) else { continue };
                    let name = name.rsplit('/').next().unwrap_or(name);
                    let other = target.object.facts.soname.as_ref().is_some_and(|soname| soname != name);
                    if other && seen.insert((target.number, user.number, name)) {
                        users.0.entry(&target.file).or_default().push((user, name));
                    }
                }
            }
        }
        users
    }

    fn judge(&self, path: &ImagePath, soname: &str, findings: &mut Findings) {
        for (user, name) in self.0.get(path).into_iter().flatten() {
            let versioned = user.object.facts.version_needs.iter().any(|need| need.file == soname);
            let severity = if versioned { Severity::Error } else { Severity::Warning };
            let message = format!("calls itself `{soname}`, but `{}` asks for it as `{name}`", user.file);
            findings.add(finding(path, severity, message, name), vec![path.clone()]);
        }
    }
}

fn finding(path: &ImagePath, severity: Severity, message: String, name: &str) -> Finding {
    let mut finding = Finding::new(CHECK.id, severity, path.to_string(), message);
    finding.symbol = Some(name.to_owned());
    finding.help = Some("graft the files that use it too, or a file with the same SONAME".to_owned());
    finding
}
