//! All checks over both trees, compared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Case;
use super::Error;
use super::Subject;
use super::affected;
use super::allow;
use super::case::DonorCase;
use super::changed;
use super::checks;
use crate::finding::Finding;
use crate::finding::RecipeSpot;
use crate::finding::Severity;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// Most findings of one check for one file that are listed one by one.
const MOST: usize = 25;

/// Check, path and symbol: what makes two findings the same.
type Key = (String, String, Option<String>);

/// What checks have to say about one tree.
#[derive(Debug, Default)]
pub struct Findings {
    /// By check, path and symbol: a file that is in many processes is told once, at its worst.
    found: BTreeMap<Key, (Finding, Vec<ImagePath>)>,
}

impl Findings {
    /// Adds a finding. `blame` names files whose change explains it: the first that the recipe changed
    /// gives the recipe line.
    pub(super) fn add(&mut self, finding: Finding, blame: Vec<ImagePath>) {
        let key = (finding.check.clone(), finding.path.clone(), finding.symbol.clone());
        let worse = self.found.get(&key).is_none_or(|(known, _)| finding.severity < known.severity);
        if worse {
            self.found.insert(key, (finding, blame));
        }
    }

    fn keys(&self) -> BTreeSet<Key> {
        self.found.keys().cloned().collect()
    }
}

/// Runs every check. The findings are sorted, worst first; those that the recipe allows are marked.
///
/// # Errors
/// A file's facts cannot be had, or a pattern of an `allow` is none.
pub fn run(subject: &Subject<'_>) -> Result<Vec<Finding>, Error> {
    let host = &subject.options.host_libraries;
    let before = Loader::new(subject.before, host)?;
    let after = Loader::new(subject.after, host)?;
    let names = affected::seeds(&[&before, &after], subject.changed.keys());
    let mut donors = Vec::new();
    for donor in subject.donors {
        let loader = Loader::new(donor.view, host)?;
        donors.push(DonorCase { donor, loader });
    }
    let before = Case::new(before, names.clone(), subject.changed, subject.options)?;
    let mut old = Findings::default();
    for check in checks::ALL {
        (check.run)(&before, &mut old)?;
    }
    let mut after = Case::new(after, names, subject.changed, subject.options)?;
    after.changed = changed::truly(subject);
    after.before = Some(&before);
    after.donors = &donors;
    let mut new = Findings::default();
    for check in checks::ALL {
        (check.run)(&after, &mut new)?;
    }
    let mut findings = finish(new, &old.keys(), subject.changed);
    findings.extend(subject.noted.iter().cloned());
    allow::apply(&mut findings, &subject.options.allow)?;
    findings.sort();
    Ok(findings)
}

/// Puts in what depends on both trees: what is new, and which recipe line brought it.
fn finish(new: Findings, old: &BTreeSet<Key>, changed: &BTreeMap<ImagePath, RecipeSpot>) -> Vec<Finding> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for (key, (mut finding, blame)) in new.found {
        finding.introduced = !old.contains(&key);
        let blamed = blame.iter().find_map(|path| changed.get(path)).cloned();
        finding.recipe = finding.recipe.or(blamed);
        let count = counts.entry((key.0, key.1)).or_default();
        *count += 1;
        if *count <= MOST || finding.severity == Severity::Note {
            findings.push(finding);
        }
    }
    for finding in &mut findings {
        let count = counts.get(&(finding.check.clone(), finding.path.clone())).copied().unwrap_or(0);
        if count > MOST {
            finding.evidence.insert("of_this_kind".to_owned(), count.to_string());
        }
    }
    findings
}
