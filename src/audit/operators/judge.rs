//! Each call against the declarations nearest to it.

use std::collections::BTreeSet;

use super::OWN;
use super::declared::Declaration;
use super::declared::Declared;
use super::declared::Evidence;
use super::place::Distance;
use super::place::Place;
use crate::audit::Case;
use crate::audit::case::DonorCase;
use crate::audit::mixed;
use crate::loader::ObjectError;
use crate::oci::ImagePath;
use crate::python;
use crate::python::OpCall;
use crate::torch::Misfit;
use crate::torch::fit;

/// What is wrong with a call.
#[derive(Debug, Clone)]
pub(in crate::audit) enum Fault {
    /// PyTorch would refuse it for these reasons.
    Misfit(Vec<Misfit>),
    /// It fits only some of the builds of the operator that lie side by side.
    Some(Vec<Misfit>),
    /// No such operator.
    Missing {
        /// A library that should have it is not the one that its wheel brought.
        replaced: bool,
    },
    /// The operator is there, and this overload of it is not.
    Overload(String),
}

/// A call that is not as declared.
#[derive(Debug, Clone)]
pub(in crate::audit) struct Verdict {
    pub(super) script: ImagePath,
    pub(super) call: OpCall,
    pub(in crate::audit) fault: Fault,
    /// What is declared, as it stands there; empty when nothing is.
    pub(super) declared: String,
    /// Where.
    pub(super) files: Vec<ImagePath>,
    /// Nothing leaves room for doubt.
    pub(super) certain: bool,
    /// What the file was written for, where that is known.
    pub(in crate::audit) written_for: Option<String>,
}

/// What is wrong with the calls of a tree, by script and line.
#[derive(Debug, Default)]
pub(in crate::audit) struct Verdicts {
    pub(in crate::audit) all: Vec<Verdict>,
    declared: Declared,
}

/// Judges every call of a tree.
pub(in crate::audit) fn judge(case: &Case<'_>) -> Result<Verdicts, ObjectError> {
    let scripts = case.loader.view.followed_scripts();
    let foreign = |call: &OpCall| !OWN.contains(&call.namespace.as_str());
    if !scripts.iter().any(|(_, script)| script.lookups().any(foreign)) {
        return Ok(Verdicts::default());
    }
    let declared = Declared::read(&case.loader, &scripts)?;
    let before = case.before.map(Case::operators).transpose()?.map(|before| &before.declared);
    let donors = donors(case)?;
    let mut all = Vec::new();
    for (path, script) in &scripts {
        let place = Place::of(path);
        let other = elsewhere(path);
        let donor = case.donor_of(path).and_then(|(donor, from)| {
            let at = case.donors.iter().position(|one| std::ptr::eq(one, donor))?;
            Some((&donors[at], Place::of(from)))
        });
        let met = script.lookups().filter(|call| call.at_import && declared.has(&place, call));
        let met: BTreeSet<&str> = met.map(|call| call.namespace.as_str()).collect();
        for call in script.lookups().filter(|call| foreign(call)) {
            let origin = donor.as_ref().map(|(declared, place)| (*declared, place));
            let origin = origin.or_else(|| before.map(|before| (before, &place)));
            let met = met.contains(call.namespace.as_str());
            let asked = Asked { declared: &declared, origin, path, place: &place, call, met };
            all.extend(asked.verdict().map(|mut verdict| {
                verdict.call.guard = verdict.call.guard.or_else(|| other.clone());
                verdict.certain &= verdict.call.guard.is_none();
                verdict
            }));
        }
    }
    if all.iter().any(|verdict| matches!(verdict.fault, Fault::Missing { .. })) {
        let replaced = mixed::replaced(case)?;
        all.iter_mut().for_each(|verdict| verdict.replaced_by(&replaced));
    }
    Ok(Verdicts { all, declared })
}

impl Verdict {
    /// What is missing from a library that somebody put into the wheel is missed by those who were there before it.
    fn replaced_by(&mut self, files: &BTreeSet<ImagePath>) {
        if let Fault::Missing { replaced } = &mut self.fault {
            *replaced = self.files.iter().any(|file| files.contains(file));
        }
    }
}

/// What the trees declare that files were taken from.
fn donors(case: &Case<'_>) -> Result<Vec<Declared>, ObjectError> {
    let read = |donor: &DonorCase<'_>| {
        let scripts = donor.loader.view.followed_scripts();
        Declared::read(&donor.loader, &scripts)
    };
    case.donors.iter().map(read).collect()
}

/// Why a file may be for another machine, by its name or that of its directories.
fn elsewhere(path: &ImagePath) -> Option<String> {
    let text = String::from_utf8_lossy(path.as_bytes()).into_owned();
    text.split('/').find_map(|part| python::other_machine(part.strip_suffix(".py").unwrap_or(part)))
}

/// One call, with all that it is held against.
struct Asked<'c> {
    declared: &'c Declared,
    /// What the file was written for, as far as known, and where it lay there: the tree that it was taken from, else
    /// the tree before.
    origin: Option<(&'c Declared, &'c Place)>,
    path: &'c ImagePath,
    place: &'c Place,
    call: &'c OpCall,
    /// The import of the file finds other operators of the namespace: it is for this library, and not for a build of
    /// it for other devices.
    met: bool,
}

type Near<'c> = Vec<(Evidence, &'c Declaration)>;

impl Asked<'_> {
    fn verdict(&self) -> Option<Verdict> {
        let (distance, near) = self.nearest(self.declared, self.place);
        if near.is_empty() {
            return self.missing();
        }
        if let Some(verdict) = self.overload(distance, &near) {
            return Some(verdict);
        }
        let near: Vec<_> = near.into_iter().filter(|(_, one)| self.is_overload(one)).collect();
        let mut misfits = Vec::new();
        for (_, one) in &near {
            let schema = one.schema.as_ref()?;
            misfits.push((fit(schema, &self.call.call), *one));
        }
        let fits = misfits.iter().filter(|(misfits, _)| misfits.is_empty()).count();
        let (worst, one) = misfits
            .iter()
            .filter(|(misfits, _)| !misfits.is_empty())
            .min_by_key(|(misfits, _)| misfits.len())?;
        let twins = |one: &Declaration| {
            misfits.iter().any(|(misfits, other)| misfits.is_empty() && is_twin(one, other))
        };
        let fault = match fits {
            0 => Fault::Misfit(worst.clone()),
            _ if twins(one) => Fault::Some(worst.clone()),
            _ => return None,
        };
        let all = misfits.iter().filter(|(misfits, _)| !misfits.is_empty());
        let files: Vec<ImagePath> = all.map(|(_, one)| one.file.clone()).collect();
        let whole = one.schema.as_ref().is_some_and(|schema| schema.returns.is_some());
        let certain = fits == 0 && whole && distance == Distance::Package;
        Some(self.make(fault, one.text.clone(), files, certain && self.is_plain()))
    }

    /// The nearest declarations that can be those of the call; of several namespaces the surest.
    fn nearest<'d>(&self, declared: &'d Declared, place: &Place) -> (Distance, Near<'d>) {
        let all = declared.by_name.get(&self.call.operator).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<(Distance, Evidence, &Declaration)> = all
            .iter()
            .filter(|one| !one.fake)
            .filter_map(|one| {
                let evidence = declared.evidence(one, &self.call.namespace)?;
                Some((place.distance(&one.place), evidence, one))
            })
            .collect();
        // An operator that Python defines somewhere for any namespace is near everything.
        let python = found.iter().any(|(_, _, one)| one.python);
        let nearest = found.iter().map(|(distance, ..)| *distance).min().unwrap_or(Distance::Tree);
        found.retain(|(distance, _, one)| *distance == nearest || one.python);
        let surest = found.iter().map(|(_, evidence, _)| *evidence).min().unwrap_or(Evidence::Open);
        let near = found.into_iter().filter(|(_, evidence, _)| python || *evidence == surest);
        (nearest, near.map(|(_, evidence, one)| (evidence, one)).collect())
    }

    fn is_overload(&self, one: &Declaration) -> bool {
        let Some(schema) = &one.schema else { return true };
        match self.call.overload.as_deref() {
            None => true,
            Some("default") => schema.overload.is_none(),
            named => schema.overload.as_deref() == named,
        }
    }

    /// Nothing around could make the call not run, or run otherwise.
    fn is_plain(&self) -> bool {
        self.call.guard.is_none() && !self.call.call.open
    }

    /// The operator is there, and nothing of the tree has this overload of it.
    fn overload(&self, distance: Distance, near: &Near<'_>) -> Option<Verdict> {
        let name = self.call.overload.clone()?;
        let mut all = self.declared.by_name.get(&self.call.operator).into_iter().flatten();
        let sure = |(evidence, one): &(Evidence, &Declaration)| *evidence != Evidence::Open && !one.python;
        if distance != Distance::Package || !near.iter().all(sure) || all.any(|one| self.is_overload(one)) {
            return None;
        }
        let files = near.iter().map(|(_, one)| one.file.clone()).collect();
        let (_, first) = near.first()?;
        Some(self.make(Fault::Overload(name), first.text.clone(), files, self.call.guard.is_none()))
    }

    fn missing(&self) -> Option<Verdict> {
        let known = |declared: &Declared| {
            declared.by_name.get(&self.call.operator).is_some_and(|all| all.iter().any(|one| !one.fake))
        };
        let (namespace, operator) = (&self.call.namespace, &self.call.operator);
        if known(self.declared) || !self.declared.lacks(self.place, namespace, operator) {
            return None;
        }
        let before = self.origin.is_some_and(|(origin, _)| known(origin));
        let certain = self.call.guard.is_none() && (before || self.call.at_import && self.met);
        let files = self.declared.owners(self.place, namespace);
        Some(self.make(Fault::Missing { replaced: false }, String::new(), files, certain))
    }

    fn make(&self, fault: Fault, declared: String, files: Vec<ImagePath>, certain: bool) -> Verdict {
        let mut files = files;
        files.sort();
        files.dedup();
        let before = self.origin.map(|(origin, place)| self.nearest(origin, place).1).unwrap_or_default();
        let fits = |one: &&Declaration| {
            one.schema.as_ref().is_some_and(|schema| fit(schema, &self.call.call).is_empty())
        };
        let fakes = self.declared.by_name.get(&self.call.operator).into_iter().flatten();
        let fakes = fakes.filter(|one| one.fake && self.place.distance(&one.place) == Distance::Package);
        let older = before.into_iter().map(|(_, one)| one).chain(fakes).find(fits);
        Verdict {
            script: self.path.clone(),
            call: self.call.clone(),
            fault,
            written_for: older.map(|one| one.text.clone()).filter(|text| *text != declared),
            declared,
            files,
            certain,
        }
    }
}

/// Whether two libraries are builds of one, for different devices: the same name in different directories.
fn is_twin(one: &Declaration, other: &Declaration) -> bool {
    one.file != other.file && one.file.name() == other.file.name() && one.place == other.place
}
