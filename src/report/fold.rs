//! The same thing said of identical copies of one file is said once.
//!
//! Images carry the same library several times, byte for byte: what is true of one is true of all.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::report::Report;

/// A finding, and the other files it is as true of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold<'a> {
    /// The finding about the first of the files.
    pub finding: &'a Finding,
    /// Paths of the identical copies with the same finding, sorted.
    pub copies: Vec<&'a str>,
}

/// The report's findings in their order, those about identical copies put to the first.
///
/// Files are identical when their digests are known and the same; findings are when all but path, evidence
/// and recipe line is.
#[must_use]
pub fn fold(report: &Report) -> Vec<Fold<'_>> {
    let mut folds: Vec<Fold<'_>> = Vec::new();
    let mut known = BTreeMap::new();
    for finding in &report.findings {
        let Some(file) = report.background.files.get(&finding.path) else {
            folds.push(Fold { finding, copies: Vec::new() });
            continue;
        };
        let own = (finding.severity, &finding.check, &finding.symbol, finding.line, &finding.message);
        let key = (&file.digest, own, finding.introduced, &finding.allowed);
        let index = *known.entry(key).or_insert(folds.len());
        match folds.get_mut(index) {
            Some(fold) => fold.copies.push(&finding.path),
            None => folds.push(Fold { finding, copies: Vec::new() }),
        }
    }
    folds.iter_mut().for_each(|fold| fold.copies.sort_unstable());
    folds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::background::FileIdentity;

    #[test]
    fn only_identical_files_with_the_same_finding_are_folded() {
        let finding = |path: &str, message: &str| Finding::new("c", Severity::Error, path, message);
        let all = ["/a", "/b", "/c", "/d", "/e"].map(|path| finding(path, "m")).to_vec();
        let mut report = Report::new("s", [all, vec![finding("/f", "other")]].concat());
        for (path, digest) in [("/a", "1"), ("/b", "1"), ("/c", "2"), ("/d", "1"), ("/f", "1")] {
            let file = FileIdentity { digest: digest.into(), size: 1, build_id: None, soname: None };
            report.background.files.insert(path.into(), file);
        }
        let folds = fold(&report);
        let seen: Vec<(&str, &[&str])> =
            folds.iter().map(|fold| (fold.finding.path.as_str(), fold.copies.as_slice())).collect();
        let none: &[&str] = &[];
        assert_eq!(seen, [("/a", ["/b", "/d"].as_slice()), ("/c", none), ("/e", none), ("/f", none)]);
    }
}
