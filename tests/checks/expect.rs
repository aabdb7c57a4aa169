//! Expectations: a line for each finding, and below it what else must be so.

use imgforge::finding::Finding;

/// One finding that must come.
#[derive(Debug)]
pub(crate) struct Expected {
    line: String,
    details: Vec<(String, String)>,
}

/// Reads an expectation.
pub(crate) fn parse(text: &str) -> Vec<Expected> {
    let mut all: Vec<Expected> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let Some(detail) = line.strip_prefix("  = ") else {
            all.push(Expected { line: line.to_owned(), details: Vec::new() });
            continue;
        };
        let detail = detail.split_once(": ").unwrap_or_else(|| panic!("`{line}` has no `NAME: VALUE`"));
        let last = all.last_mut().unwrap_or_else(|| panic!("`{line}` stands below no finding"));
        last.details.push((detail.0.to_owned(), detail.1.to_owned()));
    }
    all
}

/// A finding as one line.
pub(crate) fn line(finding: &Finding) -> String {
    let place = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let symbol = finding.symbol.as_ref().map(|symbol| format!("[{symbol}] ")).unwrap_or_default();
    let Finding { severity, check, path, message, .. } = finding;
    format!("{severity} {check} {path}{place} {symbol}{message}")
}

/// A finding with everything that an expectation can say of it.
pub(crate) fn told(finding: &Finding) -> String {
    let mut text = line(finding);
    let mut names: Vec<&str> = finding.evidence.keys().map(String::as_str).collect();
    names.extend(["help", "recipe", "introduced", "allowed"]);
    for (name, value) in names.into_iter().filter_map(|name| Some((name, detail(finding, name)?))) {
        if (name, value.as_str()) != ("introduced", "yes") {
            text.push_str(&format!("\n  = {name}: {value}"));
        }
    }
    text
}

fn detail(finding: &Finding, name: &str) -> Option<String> {
    match name {
        "help" => finding.help.clone(),
        "recipe" => finding.recipe.as_ref().map(|spot| spot.line.to_string()),
        "introduced" => Some(if finding.introduced { "yes" } else { "no" }.to_owned()),
        "allowed" => finding.allowed.clone(),
        name => finding.evidence.get(name).cloned(),
    }
}

impl Expected {
    /// Whether this finding is the one.
    fn is(&self, finding: &Finding) -> bool {
        let stated = self.details.iter().any(|(name, _)| name == "introduced");
        let same = |wanted: &str, got: &str| match wanted.strip_suffix('…') {
            Some(start) => got.starts_with(start),
            None => got == wanted,
        };
        same(&self.line, &line(finding))
            && (stated || finding.introduced)
            && self
                .details
                .iter()
                .all(|(name, wanted)| detail(finding, name).is_some_and(|got| same(wanted, &got)))
    }
}

/// What is wrong, in words; `None` when the findings are as expected.
pub(crate) fn differ(expected: &[Expected], findings: &[&Finding]) -> Option<String> {
    let pairs = expected.iter().zip(findings);
    if expected.len() == findings.len() && pairs.clone().all(|(wanted, got)| wanted.is(got)) {
        return None;
    }
    let wanted = expected.iter().map(|one| format!("{}\n{:?}", one.line, one.details));
    let got = findings.iter().map(|finding| told(finding));
    let list = |lines: &mut dyn Iterator<Item = String>| lines.collect::<Vec<_>>().join("\n");
    Some(format!("wanted:\n{}\ngot:\n{}", list(&mut { wanted }), list(&mut { got })))
}

#[test]
fn an_expectation_that_is_not_met_is_seen() {
    use imgforge::finding::Severity;
    let mut finding = Finding::new("c", Severity::Error, "/p", "is so");
    finding.symbol = Some("s".to_owned());
    finding.evidence.insert("seen".to_owned(), "a, b".to_owned());
    for (text, met) in [
        ("error c /p [s] is so", true),
        ("error c /p [s] is …", true),
        ("# why\nerror c /p [s] is so\n  = seen: a, …", true),
        ("error c /p [s] is so\n  = introduced: yes", true),
        ("error c /p [s] is so\n  = introduced: no", false),
        ("error c /p [s] is so\n  = seen: a", false),
        ("error c /p [s] is so\n  = unseen: a", false),
        ("warning c /p [s] is so", false),
        ("error c /p is so", false),
        ("error c /p [s] is so\nerror c /p [s] is so", false),
        ("", false),
    ] {
        assert_eq!(differ(&parse(text), &[&finding]).is_none(), met, "{text}");
    }
}
