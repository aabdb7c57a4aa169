//! Levels: what a policy, a recipe or a flag makes of a check's findings.

use std::collections::BTreeMap;

use super::Policy;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::recipe::Level;
use crate::recipe::LevelChoice;

/// Puts findings that come from no audit on the levels that the command line asks for.
pub fn choose(findings: &mut [Finding], levels: &BTreeMap<String, LevelChoice>) {
    apply(findings, None, levels);
}

/// Puts the findings on the levels asked for. The recipe's and the command line's word goes before the
/// policy's. What a check reports at its own level gets the new one; what it reports as less is lowered at
/// most. A finding that is off stays in the report as an allowed one.
pub(super) fn apply(
    findings: &mut [Finding],
    policy: Option<&Policy>,
    levels: &BTreeMap<String, LevelChoice>,
) {
    for finding in findings {
        let (level, by) = match levels.get(&finding.check) {
            Some(choice) if choice.spot.is_some() => (choice.level, "the recipe".to_owned()),
            Some(choice) => (choice.level, "the command line".to_owned()),
            None => match policy.and_then(|policy| Some((policy, policy.levels.get(&finding.check)?))) {
                Some((policy, level)) => (*level, format!("policy `{}`", policy.name)),
                None => continue,
            },
        };
        let own = super::find(&finding.check).map_or(finding.severity, |check| check.severity);
        match severity(level) {
            None => drop(finding.allowed.get_or_insert_with(|| format!("`{}` is off: {by}", finding.check))),
            Some(wanted) if finding.severity <= own => finding.severity = wanted,
            Some(wanted) => finding.severity = finding.severity.max(wanted),
        }
    }
}

const fn severity(level: Level) -> Option<Severity> {
    match level {
        Level::Error => Some(Severity::Error),
        Level::Warning => Some(Severity::Warning),
        Level::Note => Some(Severity::Note),
        Level::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RecipeSpot;

    /// What a finding of `needed-missing`, an error by itself, comes to.
    fn settled(severity: Severity, policy: Option<Level>, choice: Option<LevelChoice>) -> Finding {
        let id = || "needed-missing".to_owned();
        let policy = policy.map(|level| Policy {
            name: "p".to_owned(),
            levels: BTreeMap::from([(id(), level)]),
            ..Policy::default()
        });
        let levels = choice.map(|choice| (id(), choice)).into_iter().collect();
        let mut findings = vec![Finding::new("needed-missing", severity, "/p", "m")];
        apply(&mut findings, policy.as_ref(), &levels);
        findings.remove(0)
    }

    #[test]
    fn the_recipe_goes_before_the_policy_and_the_policy_before_the_check() {
        let spot = Some(RecipeSpot { file: "r".to_owned(), line: 1, column: 1 });
        let recipe = |level| Some(LevelChoice { level, spot: spot.clone() });
        use Severity as S;
        for (built_in, policy, choice, want) in [
            (S::Error, None, None, S::Error),
            (S::Error, Some(Level::Note), None, S::Note),
            (S::Error, Some(Level::Note), recipe(Level::Warning), S::Warning),
            (S::Note, None, recipe(Level::Error), S::Note),
            (S::Note, None, recipe(Level::Warning), S::Note),
            (S::Warning, None, recipe(Level::Note), S::Note),
        ] {
            assert_eq!(settled(built_in, policy, choice.clone()).severity, want, "{policy:?} {choice:?}");
        }
    }

    #[test]
    fn what_is_off_is_still_told_with_who_turned_it_off() {
        let by = |policy, choice| settled(Severity::Error, policy, choice).allowed.unwrap();
        assert_eq!(by(Some(Level::Off), None), "`needed-missing` is off: policy `p`");
        let flag = LevelChoice { level: Level::Off, spot: None };
        assert_eq!(by(None, Some(flag)), "`needed-missing` is off: the command line");
    }
}
