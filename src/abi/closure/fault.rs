//! What the loader would complain of.

use std::collections::BTreeSet;

use super::Kind;
use super::side;
use super::side::Loaded;
use crate::index::ObjectError;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// Something that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// A symbol.
    Symbol { name: String, version: Option<String> },
    /// A version.
    Version { version: String },
    /// A file.
    Library(String),
}

/// A request that stays open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    /// The process it was seen in.
    pub(super) subject: ImagePath,
    /// Who asks.
    pub(super) by: ImagePath,
    /// For what.
    pub(super) want: Want,
}

impl Want {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Symbol { .. } => Kind::Symbol,
            Self::Version { .. } => Kind::Version,
            Self::Library(_) => Kind::Library,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Symbol { name, .. } | Self::Version { version: name } | Self::Library(name) => name,
        }
    }
}

/// Everything that stays open when `subjects` are loaded, each file's requests once.
pub(super) fn all(
    loader: &Loader<'_>,
    subjects: &BTreeSet<ImagePath>,
) -> Result<BTreeSet<Fault>, ObjectError> {
    let mut faults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut settled = BTreeSet::new();
    for subject in subjects {
        let Some(loaded) = side::load(loader, subject)? else {
            continue;
        };
        let world = &loaded.world;
        for (index, mapped) in world.objects.iter().enumerate() {
            if !subjects.contains(&mapped.file) {
                continue;
            }
            // What a file finds in what it needs itself, it finds in every process.
            let below: Vec<&ImagePath> =
                world.closure(index).iter().map(|index| &world.objects[*index].file).collect();
            let company = (mapped.file.clone(), below.into_iter().cloned().collect::<Vec<_>>());
            if settled.contains(&company) {
                continue;
            }
            let open = wants(loader, &loaded, index);
            if open.is_empty() {
                settled.insert(company);
            }
            for want in open {
                if seen.insert((mapped.file.clone(), want.clone())) {
                    faults.insert(Fault { subject: subject.clone(), by: mapped.file.clone(), want });
                }
            }
        }
    }
    Ok(faults)
}

/// What one object of a process asks for and does not get.
fn wants(loader: &Loader<'_>, loaded: &Loaded, index: usize) -> BTreeSet<Want> {
    let Loaded { world, symbols } = loaded;
    let missing = world.missing.iter().filter(|missing| missing.by == index && !missing.host);
    let libraries = missing.map(|missing| Want::Library(missing.name.clone()));
    let versions = world.missing_versions(index).into_iter();
    let versions = versions.map(|missing| Want::Version { version: missing.version });
    let undefined = symbols[index]
        .undefined
        .iter()
        .filter(|symbol| !symbol.weak && world.provider(loader, symbols, index, symbol).is_none());
    let names = undefined.map(|symbol| Want::Symbol {
        name: symbol.name.to_string(),
        version: symbol.version.as_ref().map(|need| need.version.clone()),
    });
    libraries.chain(versions).chain(names).collect()
}
