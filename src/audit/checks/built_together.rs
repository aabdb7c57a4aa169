//! Files of one build of which some were moved and others were not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::demangle::demangle;
use crate::audit::demangle::is_own_cpp;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "built-together",
    summary: "a file stays behind that was built together with one that is replaced",
    severity: Severity::Warning,
    explain: "\
C++ files that were compiled together agree on the layout of the classes they exchange. Nothing in the files \
says so: when one of them is replaced by a later build and the other stays, every symbol still resolves, the \
image loads, and then it reads fields at the wrong place and crashes.

Looked at are the directories that grafts map. A file of the image that stays, and that differs from the \
donor's file of the same name or is not in the donor at all, is told when C++ symbols without a version go \
between it and a file that was replaced. Names of the standard library do not count.

To fix it, graft the file that is named too. If it is known to fit, allow the finding with the reason.",
    run,
};

/// Symbols that go between two files.
type Crossings = BTreeMap<(ImagePath, ImagePath), BTreeSet<String>>;

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let Some(before) = case.before else {
        return Ok(());
    };
    let mut crossings: Option<Crossings> = None;
    for donor in case.donors {
        let replaced: BTreeSet<&ImagePath> = donor.donor.moved.keys().collect();
        for (root, into) in &donor.donor.roots {
            let mut here = before.loader.catalogue.iter().filter(|(path, _)| path.is_within(into));
            for (path, object) in &mut here {
                let stays = case.loader.catalogue.get(path).is_some_and(|now| now.digest == object.digest);
                if !stays || replaced.contains(path) {
                    continue;
                }
                let there = path.relative_to(into).and_then(|rest| root.join(rest).ok());
                let there = there.and_then(|there| donor.loader.catalogue.get(&there));
                if there.is_some_and(|there| there.digest == object.digest) {
                    continue;
                }
                if crossings.is_none() {
                    crossings = Some(all(case)?);
                }
                let crossings = crossings.iter().flatten();
                for (pair, symbols) in crossings {
                    if let Some(moved) = other(pair, path).filter(|other| replaced.contains(other)) {
                        let left =
                            Left { path, moved, symbols, donor: donor.donor.name, has: there.is_some() };
                        findings.add(left.finding(pair), vec![moved.clone()]);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The other of two, when `path` is one.
fn other<'p>(pair: &'p (ImagePath, ImagePath), path: &ImagePath) -> Option<&'p ImagePath> {
    match pair {
        (wants, gives) if wants == path => Some(gives),
        (wants, gives) if gives == path => Some(wants),
        _ => None,
    }
}

/// Which own C++ symbols bind between which files, in all processes in scope.
fn all(case: &Case<'_>) -> Result<Crossings, ObjectError> {
    let mut crossings = Crossings::new();
    for world in &case.worlds {
        add(case, world, &mut crossings)?;
    }
    Ok(crossings)
}

fn add(case: &Case<'_>, world: &World, crossings: &mut Crossings) -> Result<(), ObjectError> {
    let symbols = case.symbols(world)?;
    for index in case.in_scope(world) {
        let own = |name: &str| is_own_cpp(name);
        for symbol in symbols[index].undefined.iter().filter(|s| s.version.is_none() && own(&s.name)) {
            let Some(provider) = world.provider(&case.loader, &symbols, index, symbol) else {
                continue;
            };
            let pair = (world.objects[index].file.clone(), world.objects[provider].file.clone());
            crossings.entry(pair).or_default().insert(symbol.name.clone());
        }
    }
    Ok(())
}

/// A file that stays behind, beside one that does not.
struct Left<'a> {
    path: &'a ImagePath,
    moved: &'a ImagePath,
    symbols: &'a BTreeSet<String>,
    donor: &'a str,
    has: bool,
}

impl Left<'_> {
    fn finding(&self, (wants, gives): &(ImagePath, ImagePath)) -> Finding {
        let message = format!(
            "stays as it is, but was built together with `{}`, which is replaced: {} C++ symbols go between them, so it loads and can crash",
            self.moved,
            self.symbols.len()
        );
        let mut finding = Finding::new(CHECK.id, CHECK.severity, self.path.to_string(), message);
        finding.symbol = Some(String::from_utf8_lossy(self.moved.name()).into_owned());
        let some: Vec<String> = self.symbols.iter().take(5).map(|name| demangle(name)).collect();
        finding.evidence.insert("symbols".to_owned(), some.join("; "));
        finding.evidence.insert("wanted_by".to_owned(), wants.to_string());
        finding.evidence.insert("given_by".to_owned(), gives.to_string());
        finding.help = Some(if self.has {
            format!("graft it from `{}` too", self.donor)
        } else {
            format!("`{}` has no file of this name: find out what took its place", self.donor)
        });
        finding
    }
}
