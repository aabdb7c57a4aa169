//! `LD_LIBRARY_PATH` before the RUNPATH of the file that asks.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::elf::Facts;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Mapped;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "library-path-shadows",
    summary: "a directory of LD_LIBRARY_PATH gives a file another library than its RUNPATH would",
    severity: Severity::Warning,
    explain: "\
ld.so searches LD_LIBRARY_PATH before DT_RUNPATH. A wheel that brings its own libraries and points to them with a \
RUNPATH gets the image's copy instead when one of the same name lies in LD_LIBRARY_PATH; DT_RPATH would win, but \
most packages no longer have it. The copy may be older: PyTorch's libcusparse.so.12 then asks an old \
libnvJitLink.so.12 for `__nvJitLinkComplete_12_4` and does not load.

A warning when the copy lacks symbols that the file asks for and that its own library has; else a note, for each \
directory and library once.

To fix it, take the directory out of LD_LIBRARY_PATH, or put the file's own directory in front of it.",
    example: include_str!("../../../fixtures/checks/library-path-shadows/expected.txt"),
    run,
};

/// What one library in one directory does.
#[derive(Default)]
struct Shadow {
    given: Option<ImagePath>,
    own: BTreeSet<ImagePath>,
    users: BTreeSet<ImagePath>,
    lacking: BTreeSet<String>,
}

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let list = case.loader.view.env.get("LD_LIBRARY_PATH").map(String::as_str).unwrap_or_default();
    let directories: Vec<&str> = list.split([':', ';']).filter(|part| part.starts_with('/')).collect();
    let mut shadows: BTreeMap<(&str, String), Shadow> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for world in case.worlds.iter().filter(|_| !directories.is_empty()) {
        for index in case.in_scope(world) {
            let user = &world.objects[index];
            for (name, given) in user.object.facts.needed.iter().zip(&user.needed) {
                let Some(given) = given.map(|given| &world.objects[given]) else { continue };
                if !seen.insert((user.number, name, given.number)) {
                    continue;
                }
                let Some((directory, own)) = shadowed(case, &directories, user, name, given) else {
                    continue;
                };
                let shadow = shadows.entry((directory, name.clone())).or_default();
                shadow.lacking.extend(lacking(case, &user.file, &own, &given.file)?);
                shadow.given = Some(given.file.clone());
                shadow.own.insert(own);
                shadow.users.insert(user.file.clone());
            }
        }
    }
    for ((directory, name), shadow) in shadows {
        let blame = shadow.users.iter().chain(&shadow.given).chain(&shadow.own).cloned().collect();
        findings.add(shadow.finding(case, directory, &name), blame);
    }
    Ok(())
}

/// The directory of `LD_LIBRARY_PATH` that gives `given`, and the file that RUNPATH would give: when they differ.
fn shadowed<'d>(
    case: &Case<'_>,
    directories: &[&'d str],
    user: &Mapped,
    name: &str,
    given: &Mapped,
) -> Option<(&'d str, ImagePath)> {
    let at = |directory: &str| case.loader.file(&format!("{directory}/{name}"));
    let runpath = user.object.facts.runpath.as_ref().filter(|_| !name.contains('/'))?;
    let directory = directories.iter().find(|directory| at(directory).as_ref() == Some(&given.file))?;
    let here = user.file.parent().map(|parent| parent.to_string()).unwrap_or_default();
    let expand = |text: &String| text.replace("${ORIGIN}", &here).replace("$ORIGIN", &here);
    let fits = |facts: &Facts| facts.machine == user.object.facts.machine;
    let own = runpath.iter().find_map(|text| {
        at(&expand(text)).filter(|file| case.loader.catalogue.get(file).is_some_and(|own| fits(&own.facts)))
    })?;
    let differs = case.loader.catalogue.get(&own)?.digest != given.object.digest;
    differs.then_some((*directory, own))
}

/// Symbols that `user` asks for, that `own` has and `given` has not.
fn lacking(
    case: &Case<'_>,
    user: &ImagePath,
    own: &ImagePath,
    given: &ImagePath,
) -> Result<Vec<String>, ObjectError> {
    let view = case.loader.view;
    let symbols = |path: &ImagePath| match view.tree.get(path) {
        Some(node) => view.objects.symbols(path, node),
        None => Ok(std::sync::Arc::default()),
    };
    let (user, own, given) = (symbols(user)?, symbols(own)?, symbols(given)?);
    let lacks = |name: &str| !own.definitions(name).is_empty() && given.definitions(name).is_empty();
    Ok(user.undefined.iter().filter(|s| !s.weak && lacks(&s.name)).map(|s| s.name.to_string()).collect())
}

impl Shadow {
    fn finding(&self, case: &Case<'_>, directory: &str, name: &str) -> Finding {
        let text = |paths: &BTreeSet<ImagePath>| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let users = match self.users.iter().collect::<Vec<_>>().as_slice() {
            [one] => format!("`{one}`"),
            many => format!("{} files", many.len()),
        };
        let (severity, end) = match self.lacking.first() {
            Some(symbol) => (Severity::Warning, format!(", and lacks `{symbol}`")),
            None => (Severity::Note, String::new()),
        };
        let message =
            format!("is in LD_LIBRARY_PATH and gives {users} another `{name}` than the RUNPATH would{end}");
        let mut finding = Finding::new(CHECK.id, severity, directory, message);
        finding.symbol = Some(name.to_owned());
        finding.evidence.insert("runpath".to_owned(), text(&self.own));
        finding.evidence.insert("users".to_owned(), text(&self.users));
        if !self.lacking.is_empty() {
            let some: Vec<&str> = self.lacking.iter().take(5).map(String::as_str).collect();
            finding.evidence.insert("lacking".to_owned(), some.join(", "));
        }
        finding.help =
            Some("take the directory out of LD_LIBRARY_PATH, or put the library's own in front".to_owned());
        finding.recipe = case.options.settings.get("LD_LIBRARY_PATH").cloned();
        finding
    }
}
