//! All checks over both trees, compared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Case;
use super::Check;
use super::Error;
use super::Policy;
use super::Subject;
use super::affected;
use super::allow;
use super::baseline;
use super::case::DonorCase;
use super::changed;
use super::checks;
use super::context;
use super::level;
use super::scope;
use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::loader::Loader;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::recipe::AuditOptions;
use crate::recipe::Scope;

/// Check, path and symbol: what makes two findings the same.
type Key = (String, String, Option<String>);

/// What checks have to say about one tree.
#[derive(Debug, Default)]
pub struct Findings {
    /// By check, path and symbol, and line: a file that is in many processes is told once, at its worst, and two
    /// calls of one operator are two.
    found: BTreeMap<(Key, Option<usize>), (Finding, Vec<ImagePath>)>,
}

impl Findings {
    /// Adds a finding. `blame` names files whose change explains it: the first that the recipe changed
    /// gives the recipe line.
    pub(super) fn add(&mut self, finding: Finding, blame: Vec<ImagePath>) {
        let key = (finding.check.clone(), finding.path.clone(), finding.symbol.clone());
        let key = (key, finding.line);
        let worse = self.found.get(&key).is_none_or(|(known, _)| finding.severity < known.severity);
        if worse {
            self.found.insert(key, (finding, blame));
        }
    }

    fn keys(&self) -> BTreeSet<Key> {
        self.found.keys().map(|(key, _)| key.clone()).collect()
    }
}

/// Runs every check. The findings are sorted, worst first; those that the recipe allows are marked.
///
/// # Errors
/// A file's facts cannot be had; a pattern, policy, level or baseline of the options is none.
pub fn run(subject: &Subject<'_>) -> Result<Vec<Finding>, Error> {
    let options = subject.options;
    let policy = options.policy.as_ref().map(Policy::find).transpose()?;
    let companies = context::companies(&options.contexts)?;
    let before = Loader::new(subject.before, &options.host_libraries)?.with(companies.clone());
    let after = Loader::new(subject.after, &options.host_libraries)?.with(companies);
    let names = affected::seeds(&[&before, &after], subject.changed.keys());
    let mut donors = Vec::new();
    for donor in subject.donors {
        let loader = Loader::new(donor.view, &options.host_libraries)?;
        donors.push(DonorCase { donor, loader });
    }
    let mut before = Case::new(before, names.clone(), subject.changed, subject.options)?;
    before.policy = policy.as_ref();
    let old = look(&before)?;
    let mut after = Case::new(after, names, subject.changed, subject.options)?;
    after.policy = policy.as_ref();
    after.changed = changed::truly(subject);
    after.before = Some(&before);
    after.donors = &donors;
    let mut findings = finish(look(&after)?, &old.keys(), subject.changed);
    findings.extend(subject.noted.iter().cloned());
    findings.extend(context::unfit(&after.loader, &options.contexts));
    settle(&mut findings, policy.as_ref(), options)?;
    if options.scope == Scope::Closure {
        scope::narrow(&after, &mut findings);
    }
    findings.sort();
    Ok(findings)
}

/// What one check says of a tree as it is, with no file in scope: for checks that look at the tree as a whole.
///
/// # Errors
/// When a file's facts cannot be had.
pub fn ask(check: &Check, view: View<'_>, options: &AuditOptions) -> Result<Vec<Finding>, Error> {
    let nothing = BTreeMap::new();
    let loader = Loader::new(view, &options.host_libraries)?;
    let case = Case::new(loader, BTreeSet::new(), &nothing, options)?;
    let mut findings = Findings::default();
    (check.run)(&case, &mut findings)?;
    Ok(finish(findings, &BTreeSet::new(), &nothing))
}

fn look(case: &Case<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for check in checks::ALL {
        (check.run)(case, &mut findings)?;
    }
    Ok(findings)
}

/// What the options make of the findings.
fn settle(findings: &mut Vec<Finding>, policy: Option<&Policy>, options: &AuditOptions) -> Result<(), Error> {
    if let Some(file) = &options.baseline {
        baseline::apply(findings, file)?;
    }
    allow::apply(findings, &options.allow)?;
    level::apply(findings, policy, &options.levels);
    Ok(())
}

/// Puts in what depends on both trees: what is new, and which recipe line brought it.
fn finish(new: Findings, old: &BTreeSet<Key>, changed: &BTreeMap<ImagePath, RecipeSpot>) -> Vec<Finding> {
    let told = new.found.into_iter().map(|((key, _), (mut finding, blame))| {
        finding.introduced = !old.contains(&key);
        let blamed = blame.iter().find_map(|path| changed.get(path)).cloned();
        finding.recipe = finding.recipe.or(blamed);
        finding
    });
    told.collect()
}
