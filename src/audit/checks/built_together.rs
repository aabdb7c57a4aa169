//! Files of one build of which some were moved and others were not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::abi::demangle;
use crate::abi::is_own_cpp;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::case::DonorCase;
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
between it and a file that was replaced. Names of the standard library do not count. A file without such symbols \
that lies beside files that were replaced is a note: it may be one that is opened at run time.

To fix it, graft the file that is named too. If it is known to fit, allow the finding with the reason.",
    example: include_str!("../../../fixtures/checks/built-together/expected.txt"),
    run,
};

/// Symbols that go between two files.
type Crossings = BTreeMap<(ImagePath, ImagePath), BTreeSet<String>>;

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let left = left_behind(case);
    if left.is_empty() {
        return Ok(());
    }
    let crossings = all(case)?;
    for file in left {
        let moved = |path: &&ImagePath| {
            file.donor.donor.moved.contains_key(*path) && case.changed.contains_key(*path)
        };
        let related: Vec<(&ImagePath, &BTreeSet<String>)> = crossings
            .iter()
            .filter_map(|(pair, symbols)| other(pair, &file.path).filter(moved).map(|other| (other, symbols)))
            .collect();
        if related.is_empty() {
            if let Some((finding, blame)) = file.quiet(case) {
                findings.add(finding, blame);
            }
        } else {
            let blame = related.iter().map(|(path, _)| (*path).clone()).collect();
            findings.add(file.crash(&related), blame);
        }
    }
    Ok(())
}

/// A file that stays behind in a directory that a graft maps, and whose counterpart in the donor is another.
pub(super) struct Left<'a> {
    pub(super) path: ImagePath,
    pub(super) donor: &'a DonorCase<'a>,
    /// Whether the donor has a file of this name.
    pub(super) has: bool,
}

pub(super) fn left_behind<'a>(case: &'a Case<'a>) -> Vec<Left<'a>> {
    let Some(before) = case.before else {
        return Vec::new();
    };
    let mut left = Vec::new();
    for donor in case.donors {
        for (root, into) in &donor.donor.roots {
            for (path, object) in before.loader.catalogue.iter().filter(|(path, _)| path.is_within(into)) {
                let now = case.loader.catalogue.get(path);
                let stays = now.is_some_and(|now| now.digest == object.digest);
                let there = path.relative_to(into).and_then(|rest| root.join(rest).ok());
                let there = there.and_then(|there| donor.loader.catalogue.get(&there));
                let same = there.is_some_and(|there| there.digest == object.digest);
                if stays && !same && !donor.donor.moved.contains_key(path) {
                    left.push(Left { path: path.clone(), donor, has: there.is_some() });
                }
            }
        }
    }
    left
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
