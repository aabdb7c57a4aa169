//! Wheels of which some files are no longer those that the wheel brought.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Case;
use super::crossings::Crossings;
use crate::abi::closure::Wheel;
use crate::abi::closure::Wheels;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

/// A file that is not the one that its wheel brought, and that exchanges C++ symbols with files that are.
pub(super) struct Stranger {
    pub(super) path: ImagePath,
    /// `NAME-VERSION`.
    pub(super) wheel: String,
    /// The files of the wheel that it exchanges symbols with.
    pub(super) others: BTreeMap<ImagePath, BTreeSet<String>>,
}

/// Files that are not those that their wheels brought, in wheels of which other files are.
pub(super) fn replaced(case: &Case<'_>) -> Result<BTreeSet<ImagePath>, ObjectError> {
    let wheels = Wheels::new(&case.loader)?;
    let mixed = wheels.iter().filter(|wheel| !with(wheel, true).is_empty());
    Ok(mixed.flat_map(|wheel| with(wheel, false)).cloned().collect())
}

/// Strangers, told by the hashes in RECORD. Where every file differs nothing is mixed: the wheel was stripped or
/// given other search paths after it was installed. What grafts bring is judged by its donor.
pub(super) fn strangers(case: &Case<'_>) -> Result<Vec<Stranger>, ObjectError> {
    let mut strangers = Vec::new();
    for wheel in Wheels::new(&case.loader)?.iter() {
        let (own, other) = (with(wheel, true), with(wheel, false));
        let other: BTreeSet<&ImagePath> = other.into_iter().filter(|path| !from_donor(case, path)).collect();
        if own.is_empty() || other.is_empty() {
            continue;
        }
        let all = own.iter().chain(&other).map(|path| (*path).clone()).collect();
        let crossings = Crossings::among(case, &all)?;
        for path in other {
            let mut others: BTreeMap<ImagePath, BTreeSet<String>> = BTreeMap::new();
            for (file, symbols) in crossings.of(path).filter(|(file, _)| own.contains(file)) {
                others.entry(file.clone()).or_default().extend(symbols.iter().cloned());
            }
            if !others.is_empty() {
                strangers.push(Stranger { path: path.clone(), wheel: wheel.name.clone(), others });
            }
        }
    }
    Ok(strangers)
}

fn with(wheel: &Wheel, as_recorded: bool) -> BTreeSet<&ImagePath> {
    let files = wheel.files.iter().filter(|(_, found)| **found == Some(as_recorded));
    files.map(|(path, _)| path).collect()
}

fn from_donor(case: &Case<'_>, path: &ImagePath) -> bool {
    case.donor_of(path).is_some()
}
