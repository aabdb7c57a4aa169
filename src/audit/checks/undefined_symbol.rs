//! A symbol that nothing in scope gives.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::abi::demangle;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::home::Homes;
use crate::audit::home::Known;
use crate::elf::Symbols;
use crate::elf::Undefined;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Loader;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "undefined-symbol",
    summary: "nothing that is loaded defines a symbol that a file wants",
    severity: Severity::Error,
    explain: "\
Every symbol that a relocation of a file in scope names is looked up as ld.so does it: in the program and what \
it needs, then in the loaded library and what it needs, by the rules for versions. A symbol that is nowhere \
stops the load: `undefined symbol`. Weak references may stay open. A reference used only by calls, in a file \
that binds lazily and is not loaded by Python, fails at the first call: a warning.

Where a library that the file needs is missing altogether, or is brought by the host, symbols it could give are \
not told. A symbol that the file did not find in the image it comes from either must be given by whoever loads \
it: a note.

Some symbols have a home among the libraries that are loaded, and can come from nowhere else when no file of the image \
defines them: the library that the reference names together with its version; one that the file needs itself and \
that has the same name with another release's number (`…_12_1` for `…_12_5`) or with other parameters, or that the \
namespace is called after; one that defines others of the same class. The home is there and is another release: an error.

The usual cause is a library replaced without the files that were built with it. The finding says which file \
gave the symbol before, or gives it in the donor: graft that one too.",
    example: include_str!("../../../fixtures/checks/undefined-symbol/expected.txt"),
    run,
};

/// A world with its symbols.
struct Loaded {
    world: World,
    symbols: Vec<Arc<Symbols>>,
}

/// Worlds of other trees, loaded once.
#[derive(Default)]
struct Elsewhere(BTreeMap<(usize, ImagePath), Option<Loaded>>);

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let mut elsewhere = Elsewhere::default();
    let mut known = Known::default();
    let mut worst = BTreeSet::new();
    for unbound in case.unbound()? {
        let world = &case.worlds[unbound.world];
        let (symbols, index) = (case.symbols(world)?, unbound.object);
        let company = known.company(world, index);
        for at in &unbound.references {
            // What was an error in one process is told, whatever it is in others.
            let key = (world.objects[index].number, *at);
            if worst.contains(&key) {
                continue;
            }
            let symbol = &symbols[index].undefined[*at];
            let open = Open { case, world, symbols: &symbols, index, symbol, at: *at, company };
            if let Some((finding, blame)) = open.judge(&mut elsewhere, &mut known)? {
                if finding.severity == Severity::Error {
                    worst.insert(key);
                }
                findings.add(finding, blame);
            }
        }
    }
    Ok(())
}

/// A reference that stays open.
struct Open<'c> {
    case: &'c Case<'c>,
    world: &'c World,
    symbols: &'c [Arc<Symbols>],
    index: usize,
    symbol: &'c Undefined,
    /// Its number in the file's table.
    at: usize,
    /// The number of what the file is loaded with.
    company: usize,
}

/// What became of a reference in the image that its file comes from.
enum InDonor {
    /// It was given there; the message says by whom.
    Given(String),
    /// It was open there too.
    Open,
    /// The file comes from nowhere, or the donor is known in part.
    Unknown,
}

impl Open<'_> {
    fn file(&self) -> &ImagePath {
        &self.world.objects[self.index].file
    }

    fn judge(
        &self,
        elsewhere: &mut Elsewhere,
        known: &mut Known,
    ) -> Result<Option<(Finding, Vec<ImagePath>)>, ObjectError> {
        let file = self.file();
        let before = match self.case.before {
            Some(before) => elsewhere.provider(0, &before.loader, &self.world.subject, file, self.symbol)?,
            None => None,
        };
        if let Some(provider) = before {
            let message = format!("wants `{}`, which `{provider}` gave before this build", self.name());
            return Ok(Some((self.finding(Severity::Error, message), vec![provider, file.clone()])));
        }
        let homes = Homes { case: self.case, world: self.world, symbols: self.symbols };
        let home = homes.recall(known, self.company, self.index, self.at)?;
        let home = home.map(|home| &self.world.objects[home].file);
        let excused =
            || self.world.could_be_in_missing(self.index, self.symbol) || self.is_of_absent_interpreter();
        if home.is_none() && excused() {
            return Ok(None);
        }
        let (severity, message) = match (self.in_donor(elsewhere)?, home) {
            (InDonor::Given(message), _) => (Severity::Error, message),
            (InDonor::Open, None) => (Severity::Note, self.left_to_the_loader()),
            (_, Some(home)) => {
                let message =
                    format!("wants `{}`, which its own library `{home}` does not define", self.name());
                (Severity::Error, message)
            }
            (InDonor::Unknown, None) => self.alone(),
        };
        let blame = std::iter::once(file).chain(home).cloned().collect();
        Ok(Some((self.finding(severity, message), blame)))
    }

    /// What becomes of the reference in the image that the file comes from.
    fn in_donor(&self, elsewhere: &mut Elsewhere) -> Result<InDonor, ObjectError> {
        let Some((donor, path)) = self.case.donor_of(self.file()) else {
            return Ok(InDonor::Unknown);
        };
        let provider = elsewhere.provider(1, &donor.loader, path, path, self.symbol)?;
        Ok(match provider {
            Some(provider) => InDonor::Given(format!(
                "wants `{}`, which in `{}` comes from `{provider}`",
                self.name(),
                donor.donor.name
            )),
            None if donor.donor.complete => InDonor::Open,
            None => InDonor::Unknown,
        })
    }

    /// Nothing else is known of the reference than that it is open.
    fn alone(&self) -> (Severity, String) {
        let program = self.case.loader.catalogue.is_program(&self.world.subject);
        let module =
            self.is_module() && (self.world.python.is_some() || !self.world.has_gap_for(&self.symbol.name));
        if !program && !module && !self.world.stated {
            return (Severity::Note, self.left_to_the_loader());
        }
        let facts = &self.world.objects[self.index].object.facts;
        let later = self.symbol.lazy && !facts.binds_now() && program;
        let severity = if later { Severity::Warning } else { Severity::Error };
        (severity, format!("wants `{}`, which nothing that is loaded defines", self.name()))
    }

    fn left_to_the_loader(&self) -> String {
        format!("wants `{}`, which nothing it needs defines: whoever loads it must have it", self.name())
    }

    /// Whether an interpreter imports the subject: its name says so, or it has the function that an import calls.
    /// A plain library is opened by somebody unknown, who may have loaded more.
    fn is_module(&self) -> bool {
        let name = String::from_utf8_lossy(self.world.subject.name());
        let tagged = name.ends_with(".so") && (name.contains(".cpython-3") || name.contains(".abi3."));
        let entry = format!("PyInit_{}", name.split('.').next().unwrap_or_default());
        let subject = self.world.find(&self.world.subject);
        tagged || subject.is_some_and(|index| !self.symbols[index].definitions(&entry).is_empty())
    }

    /// Python's own names, when the interpreter is not in the image, and those of the C library's parts that it
    /// has loaded: extension modules call `pow` and name no library for it.
    fn is_of_absent_interpreter(&self) -> bool {
        let absent = self.world.python.as_ref().is_none_or(|python| python.executable.is_none());
        let name = self.symbol.name.as_str();
        let plain = self.is_module()
            && self.symbol.version.is_none()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let c = plain && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        absent && (c || name.starts_with("Py") || name.starts_with("_Py") || name.starts_with("pthread_"))
    }

    fn name(&self) -> String {
        let name = demangle(&self.symbol.name);
        match &self.symbol.version {
            Some(need) => format!("{name}@{}", need.version),
            None => name,
        }
    }

    fn finding(&self, severity: Severity, message: String) -> Finding {
        let mut finding = Finding::new(CHECK.id, severity, self.file().to_string(), message);
        finding.symbol = Some(self.symbol.name.to_string());
        finding.evidence.insert("loaded_by".to_owned(), self.world.subject.to_string());
        let searched: Vec<String> = self.world.scope().map(|mapped| mapped.file.to_string()).collect();
        finding.evidence.insert("searched".to_owned(), searched.join(", "));
        if severity != Severity::Note {
            let advice = "take both files from the same image: graft the one that is missing, or neither";
            finding.help = Some(advice.to_owned());
        }
        finding
    }
}

impl Elsewhere {
    /// Who gives `symbol` to `file` in another tree, when `subject` is loaded there.
    fn provider(
        &mut self,
        tree: usize,
        loader: &Loader<'_>,
        subject: &ImagePath,
        file: &ImagePath,
        symbol: &Undefined,
    ) -> Result<Option<ImagePath>, ObjectError> {
        let key = (tree, subject.clone());
        if !self.0.contains_key(&key) {
            let loaded = match loader.load(subject)? {
                Some(world) => Some(Loaded { symbols: world.symbols(loader)?, world }),
                None => None,
            };
            self.0.insert(key.clone(), loaded);
        }
        let Some(Some(Loaded { world, symbols })) = self.0.get(&key) else {
            return Ok(None);
        };
        let found = world.find(file).filter(|index| {
            let mut wanted = symbols[*index].undefined.iter();
            wanted.any(|known| known.name == symbol.name && known.version == symbol.version)
        });
        let provider = found.and_then(|index| world.provider(loader, symbols, index, symbol));
        Ok(provider.map(|provider| world.objects[provider].file.clone()))
    }
}
