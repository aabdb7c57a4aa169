//! Two files of one process that take a class for different sizes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::abi::Change;
use crate::abi::Mentions;
use crate::abi::class_name;
use crate::abi::mangled;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::shapes;
use crate::audit::shapes::Part;
use crate::audit::shapes::Shape;
use crate::elf::Symbols;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "layout-mismatch",
    summary: "files of one process take a C++ class or a variable for different sizes",
    severity: Severity::Error,
    explain: "\
All symbols are there and the program still crashes: one file was compiled with a header in which a class had \
fewer members, or fewer virtual functions, than in the header of the file it works with. No debug information \
is needed to see it. The function that deletes an object tells `operator delete` the size, so does the block of \
`std::make_shared`, and the symbol table has the sizes of virtual tables and variables. Where two files hold \
different sizes under one name, and the loader gives both the same one, they disagree about the class.

An error: the file calls functions of the class in the other file, so objects pass between them; or its class \
has a smaller virtual table than the class it is derived from. A warning: the name is shared, but no call is \
seen; a program's copy of a variable is of another size; or this build replaced a library whose class changed \
its size, under a file that was made with the old one.

Take both files from the same build.",
    example: include_str!("../../../fixtures/checks/layout-mismatch/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let parts = shapes::parts(case)?;
    let suspects = shapes::suspects(&parts);
    for world in &case.worlds {
        let mut symbols = None;
        for index in case.in_scope(world) {
            let Some(names) = suspects.get(&world.objects[index].file) else {
                continue;
            };
            let symbols: &Vec<Arc<Symbols>> = match &symbols {
                Some(known) => known,
                None => symbols.insert(case.symbols(world)?),
            };
            let meeting = Meeting { case, world, symbols, parts: &parts, index };
            for (name, shape) in names {
                if let Some((finding, blame)) = meeting.judge(name, shape) {
                    findings.add(finding, blame);
                }
            }
        }
    }
    replaced(case, &parts, findings)
}

/// One file in one process.
struct Meeting<'m> {
    case: &'m Case<'m>,
    world: &'m World,
    symbols: &'m [Arc<Symbols>],
    parts: &'m BTreeMap<ImagePath, Part>,
    index: usize,
}

impl Meeting<'_> {
    /// What the file is told of a name that it has an opinion of.
    fn judge(&self, name: &str, shape: &Shape) -> Option<(Finding, Vec<ImagePath>)> {
        let own = &self.world.objects[self.index].file;
        let wanted = shapes::reference(shape.asked.as_deref().unwrap_or(name));
        let giver = if shape.copied {
            let objects = 1..self.world.objects.len();
            objects.into_iter().find(|index| !self.symbols[*index].definitions(name).is_empty())?
        } else {
            self.world.provider(&self.case.loader, self.symbols, self.index, &wanted)?
        };
        let other = &self.world.objects[giver].file;
        let size = self.parts.get(other)?.size(&wanted.name)?;
        let wrong = if shape.asked.is_some() { size > shape.bytes } else { size != shape.bytes };
        if giver == self.index || !wrong {
            return None;
        }
        let class = class_name(&shape.class);
        if shape.asked.is_some() {
            let base = class_name(wanted.name.strip_prefix("_ZTV").unwrap_or(&wanted.name));
            let what = format!("`{class}` has a virtual table of {} bytes, its base `{base}`", shape.bytes);
            let imported = self.symbols[self.index].definitions(&wanted.name).is_empty();
            let severity = if imported { Severity::Error } else { Severity::Warning };
            let message = format!("{what} one of {size} in `{other}`");
            return Some(self.finding([own, other], severity, class, name, message));
        }
        let what = shape.what();
        let telling = |bytes, other: &ImagePath, name: &str, size| {
            format!("takes {what} `{name}` for {bytes} bytes, `{other}` for {size}")
        };
        if shape.copied {
            let message = telling(shape.bytes, other, &crate::abi::demangle(name), size);
            return Some(self.finding([own, other], Severity::Warning, name.to_owned(), name, message));
        }
        // Whose function is taken depends on who is loaded first; the one to blame is who uses the other's class.
        if self.calls(giver, &shape.class, self.index) {
            let message = telling(size, own, &class, shape.bytes);
            return Some(self.finding([other, own], Severity::Error, class, name, message));
        }
        let exchanged = self.calls(self.index, &shape.class, giver);
        let severity = if exchanged { Severity::Error } else { Severity::Warning };
        let message = telling(shape.bytes, other, &class, size);
        Some(self.finding([own, other], severity, class, name, message))
    }

    fn finding(
        &self,
        files: [&ImagePath; 2],
        severity: Severity,
        symbol: String,
        source: &str,
        message: String,
    ) -> (Finding, Vec<ImagePath>) {
        let [own, other] = files;
        let mut finding = Finding::new(CHECK.id, severity, own.to_string(), message);
        finding.symbol = Some(symbol);
        finding.evidence.insert("other".to_owned(), other.to_string());
        finding.evidence.insert("source".to_owned(), format!("`{source}`"));
        finding.evidence.insert("loaded_by".to_owned(), self.world.subject.to_string());
        finding.help = Some("take both files from the same build".to_owned());
        (finding, vec![own.clone(), other.clone()])
    }

    /// Whether one file calls functions of the class that the other gives: objects pass between them.
    fn calls(&self, user: usize, class: &str, giver: usize) -> bool {
        let mut calls = crate::abi::uses_members(&self.symbols[user], class);
        calls.any(|call| self.world.provider(&self.case.loader, self.symbols, user, call) == Some(giver))
    }
}

/// A class that a library which this build replaced has in another size now.
struct Changed<'c> {
    path: &'c ImagePath,
    change: Change,
}

impl Changed<'_> {
    /// What a file that stays is told, in whose names the class stands in `symbol`.
    fn finding(&self, user: &ImagePath, symbol: &str) -> (Finding, Vec<ImagePath>) {
        let Self { path, change } = self;
        let (name, what) = (change.name(), change.kind.singular());
        let sizes = format!("{} before this build, {} now", change.old, change.new);
        let message = format!("uses `{name}`, {what} in `{path}` is {sizes}");
        let mut finding = Finding::new(CHECK.id, Severity::Warning, user.to_string(), message);
        finding.symbol = Some(name);
        finding.evidence.insert("other".to_owned(), path.to_string());
        finding.evidence.insert("source".to_owned(), format!("`{symbol}`"));
        finding.help = Some("take this file from the build of the new library too".to_owned());
        (finding, vec![(*path).clone(), user.clone()])
    }
}

/// Libraries that this build replaced, and whose classes changed under files that stay.
fn replaced(
    case: &Case<'_>,
    parts: &BTreeMap<ImagePath, Part>,
    findings: &mut Findings,
) -> Result<(), ObjectError> {
    let all = changed(case, parts)?;
    let Some(mentions) = Mentions::of(all.iter().map(|changed| changed.change.subject.as_str())) else {
        return Ok(());
    };
    let mut told = BTreeSet::new();
    for (user, given) in users(case) {
        let Some(part) = parts.get(user) else { continue };
        for (number, symbol) in mentions.find(mangled(&part.symbols)) {
            let changed = &all[number];
            if given.contains(changed.path) && told.insert((user, &changed.change.subject)) {
                let (finding, blame) = changed.finding(user, symbol);
                findings.add(finding, blame);
            }
        }
    }
    Ok(())
}

/// The classes that changed in libraries that this build replaced.
fn changed<'c>(
    case: &Case<'_>,
    parts: &'c BTreeMap<ImagePath, Part>,
) -> Result<Vec<Changed<'c>>, ObjectError> {
    let mut all = Vec::new();
    let Some(before) = case.before else {
        return Ok(all);
    };
    for (path, part) in parts.iter().filter(|(path, _)| case.changed.contains_key(*path)) {
        let Some(old) = shapes::part(before, path)? else {
            continue;
        };
        let changes = crate::abi::compare_layouts((&old.symbols, &old.traits.layout), part.layout());
        let errors = changes.into_iter().filter(|change| change.severity == Severity::Error);
        all.extend(errors.map(|change| Changed { path, change }));
    }
    Ok(all)
}

/// The files that stay, each once, however many processes it is in, with what this build brings into one of these.
fn users<'c>(case: &'c Case<'_>) -> BTreeMap<&'c ImagePath, BTreeSet<&'c ImagePath>> {
    let mut users: BTreeMap<&ImagePath, BTreeSet<&ImagePath>> = BTreeMap::new();
    for world in &case.worlds {
        let files = || world.objects.iter().map(|mapped| &mapped.file);
        let given: BTreeSet<&ImagePath> = files().filter(|file| case.changed.contains_key(*file)).collect();
        for user in files().filter(|file| !case.changed.contains_key(*file) && !given.is_empty()) {
            users.entry(user).or_default().extend(&given);
        }
    }
    users
}
