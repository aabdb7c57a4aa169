//! The rules: every check that there is, not only those that found something.

use super::model::Both;
use super::model::Configuration;
use super::model::Rule;
use super::model::RuleProperties;
use super::model::Text;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::kinds;

/// All kinds of findings as rules, then those that only the findings know.
pub(super) fn rules(findings: &[Finding]) -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        kinds::all().iter().map(|kind| rule(kind.id, kind.severity, kind.summary, kind.explain)).collect();
    for finding in findings {
        if rules.iter().all(|rule| rule.id != finding.check) {
            rules.push(rule(&finding.check, finding.severity, &finding.check, &finding.check));
        }
    }
    rules
}

fn rule(id: &str, severity: Severity, summary: &str, explain: &str) -> Rule {
    Rule {
        id: id.to_owned(),
        // A name that is the id again must be left out.
        name: Some(pascal(id)).filter(|name| !name.eq_ignore_ascii_case(id)),
        short_description: Text { text: sentence(summary) },
        full_description: Text { text: sentence(explain) },
        help: Both {
            text: explain.to_owned(),
            markdown: format!("{explain}\n\nMore: `imgforge explain {id}`"),
        },
        default_configuration: Configuration { level: level(severity) },
        properties: RuleProperties {
            tags: ["container", "binary-compatibility"],
            // Only what cannot be wrong is an error.
            precision: if severity == Severity::Error { "very-high" } else { "high" },
            severity: match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "recommendation",
            },
        },
    }
}

/// The words for levels that SARIF has (§ 3.27.10).
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// `undefined-symbol` as `UndefinedSymbol` (§ 3.49.7: a name that people read).
fn pascal(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.flatten().collect()
}

/// With a capital and a full stop (§ 3.11.3).
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_rule_once_and_unknown_ones_are_added() {
        let own = Finding::new("no-such-check", Severity::Note, "/p", "m");
        let rules = rules(&[own.clone(), own]);
        assert_eq!(rules.len(), kinds::all().len() + 1);
        let last = rules.last().unwrap();
        assert_eq!((last.id.as_str(), last.name.as_deref()), ("no-such-check", Some("NoSuchCheck")));
        assert!(rules.iter().all(|rule| rule.full_description.text.chars().count() > 1));
    }
}
