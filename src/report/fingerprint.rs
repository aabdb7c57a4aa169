//! A name for a finding that stays the same from run to run, while its wording and its line may change.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::oci::Digest;

/// A fingerprint for each of the findings, in their order: 32 hexadecimal digits, no two the same.
///
/// It is made of check, path and symbol, which is what makes two findings the same; further ones with all
/// three alike are numbered.
#[must_use]
pub fn all(findings: &[Finding]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let number = |name: String, seen: &mut BTreeMap<String, usize>| {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}\0{count}") }
    };
    let name = |finding: &Finding| {
        let symbol = finding.symbol.as_deref().unwrap_or_default();
        format!("{}\0{}\0{symbol}", finding.check, finding.path)
    };
    let names = findings.iter().map(|finding| number(name(finding), &mut seen));
    names.map(|name| Digest::of(name.as_bytes()).hex().chars().take(32).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn only_check_path_and_symbol_count_and_no_two_are_alike() {
        let finding = |path: &str, message: &str| Finding::new("c", Severity::Error, path, message);
        let one = all(&[finding("/a", "x"), finding("/b", "x"), finding("/a", "y")]);
        let two = all(&[finding("/a", "z"), finding("/b", "z"), finding("/a", "z")]);
        assert_eq!(one, two);
        assert!(one.iter().all(|text| text.len() == 32));
        assert!(one[0] != one[1] && one[0] != one[2] && one[1] != one[2]);
        // sha256 of "c", NUL, "/a", NUL as coreutils gives it.
        assert_eq!(one[0], "7538afeef0c5dd9f477778749f36cf53");
    }
}
