//! What Kubernetes takes as a name, a quantity, a value of a label (apimachinery, `validation`).

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

use crate::oci::reference::RegistryReference;

/// DNS label that begins with a letter (RFC 1035).
pub(super) fn is_label(text: &str) -> bool {
    is_part(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// DNS subdomain (RFC 1123).
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = text.starts_with('-') || text.ends_with('-');
    (1..=63).contains(&text.len()) && !ends && text.bytes().all(plain)
}

/// Value of a label, not empty.
pub(super) fn is_label_value(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let end = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && text.starts_with(end) && text.ends_with(end)
}

/// `MAJOR.MINOR.PATCH`, each without leading zeros and with at most four digits.
pub(super) fn is_version(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let number =
        |part: &str| (1..=4).contains(&part.len()) && digits(part) && (part == "0" || !part.starts_with('0'));
    text.split('.').count() == 3 && text.split('.').all(number)
}

/// A positive quantity: digits, at most one point, and a suffix of bytes or thousandths.
pub(super) fn is_quantity(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let suffixes = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let shaped = number.matches('.').count() <= 1 && number.bytes().any(|b| b.is_ascii_digit());
    shaped && suffixes.contains(&suffix)
}

/// Host and name, without tag and digest.
pub(super) fn is_repository(text: &str) -> bool {
    text.parse::<RegistryReference>().is_ok_and(|parsed| parsed.tag.is_none() && parsed.digest.is_none())
}

/// What Kubernetes takes as the name of a variable everywhere.
pub(super) fn is_variable(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !text.is_empty() && text.bytes().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The same value as JSON; `None` when there is a date or a number that JSON does not have.
pub(super) fn json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(Number::from_f64(*number)?),
        toml::Value::Boolean(yes) => Value::from(*yes),
        toml::Value::Array(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(name, inner)| Some((name.clone(), json(inner)?)));
            Value::Object(pairs.collect::<Option<Map<_, _>>>()?)
        }
        toml::Value::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quantities_are_what_kubernetes_takes() {
        let long = "a".repeat(64);
        type Rule = fn(&str) -> bool;
        let cases: [(Rule, &str, bool); 26] = [
            (is_label, "trtllm-1", true),
            (is_label, "1-trtllm", false),
            (is_label, "Trtllm", false),
            (is_label, "a-", false),
            (is_label, "", false),
            (is_label, &long, false),
            (is_subdomain, "a.b-c.1", true),
            (is_subdomain, "a..b", false),
            (is_label_value, "ml.p5.48xlarge", true),
            (is_label_value, "p5/48", false),
            (is_label_value, ".p5", false),
            (is_version, "0.7.0", true),
            (is_version, "0.7", false),
            (is_version, "0.07.0", false),
            (is_version, "v0.7.0", false),
            (is_quantity, "16", true),
            (is_quantity, "500m", true),
            (is_quantity, "1.5Gi", true),
            (is_quantity, "64GB", false),
            (is_quantity, "Gi", false),
            (is_quantity, "-1", false),
            (is_repository, "public.ecr.aws/a/b", true),
            (is_repository, "public.ecr.aws/a/b:c", false),
            (is_variable, "NIXL_PORT", true),
            (is_variable, "1X", false),
            (is_variable, "A-B", false),
        ];
        for (rule, text, want) in cases {
            assert_eq!(rule(text), want, "{text}");
        }
    }
}
