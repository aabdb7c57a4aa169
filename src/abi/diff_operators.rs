//! Torch operators that one build declares otherwise than another.

use super::Change;
use super::Kind;
use crate::finding::Severity;
use crate::torch;
use crate::torch::Effect;
use crate::torch::Schema;

/// Adds what has changed for callers, each with both declarations. A build without any schema may declare its
/// operators elsewhere, in Python or in another file: nothing is sure then.
pub(super) fn compare(old: &[String], new: &[String], changes: &mut Vec<Change>) {
    let (before, after) = (parsed(old), parsed(new));
    for found in torch::compare(&schemas(&before), &schemas(&after)) {
        let severity = match found.effect {
            Effect::Breaking if after.is_empty() => Severity::Warning,
            Effect::Breaking => Severity::Error,
            Effect::Note => Severity::Warning,
            Effect::Compatible => Severity::Note,
        };
        let text = |all: &[(Schema, &String)]| {
            let same = all.iter().find(|(schema, _)| schema.operator() == found.operator);
            same.map(|(_, text)| (*text).clone()).unwrap_or_default()
        };
        let mut change =
            Change::new(Kind::Operator, severity, &found.operator, &text(&before), &text(&after));
        change.evidence = found.what.into();
        changes.push(change);
    }
}

/// Each text that is a schema, once.
fn parsed(texts: &[String]) -> Vec<(Schema, &String)> {
    texts.iter().filter_map(|text| Some((torch::parse(text).ok()?, text))).collect()
}

fn schemas(parsed: &[(Schema, &String)]) -> Vec<Schema> {
    parsed.iter().map(|(schema, _)| schema.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &[&str], new: &[&str]) -> Vec<(Severity, String)> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut changes = Vec::new();
        compare(&owned(old), &owned(new), &mut changes);
        changes.into_iter().map(|change| (change.severity, change.subject)).collect()
    }

    #[test]
    fn a_change_is_as_bad_as_it_is_for_callers() {
        let of = |severity| vec![(severity, "f".to_owned())];
        for (old, new, want) in [
            ("f(Tensor a) -> Tensor", "f(Tensor a) -> Tensor", vec![]),
            ("f(Tensor a) -> Tensor", "f(Tensor a, int b) -> Tensor", of(Severity::Error)),
            ("f(Tensor a) -> Tensor", "f(Tensor a, int b=1) -> Tensor", of(Severity::Note)),
            ("f(Tensor a) -> Tensor", "f(Tensor! a) -> Tensor", of(Severity::Warning)),
        ] {
            assert_eq!(told(&[old], &[new]), want, "{old} {new}");
        }
    }

    #[test]
    fn where_nothing_is_declared_nothing_is_sure() {
        let f = "f(Tensor a) -> Tensor";
        assert_eq!(told(&[f], &[]), [(Severity::Warning, "f".to_owned())]);
        assert_eq!(told(&[f, "g() -> ()"], &[f]), [(Severity::Error, "g".to_owned())]);
        assert_eq!(told(&[], &[f]), [(Severity::Note, "f".to_owned())]);
    }
}
