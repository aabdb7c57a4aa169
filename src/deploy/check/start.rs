//! What happens between the start of a container and the start of its program.

use regex::Regex;

use super::ImageFacts;
use super::at;
use super::lower;
use super::notices::START;
use super::spoken;
use crate::deploy::pod::Container;
use crate::deploy::pod::Pod;
use crate::deploy::yaml::Node;
use crate::finding::Finding;
use crate::finding::Severity;

const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ash"];
/// Commands that change what is installed, or fetch from somewhere.
const INSTALLS: &str = r"\b(apt-get|apt|yum|dnf|microdnf|apk)\s+(-\S+\s+)*(update|install|upgrade|add)\b|\b(uv\s+)?pip3?\s+install\b|\bconda\s+install\b|\bldconfig\b|\b(curl|wget)\s|\bgit\s+clone\b";

pub(super) fn check(pod: &Pod<'_>, image: Option<&ImageFacts>, findings: &mut Vec<Finding>) {
    let Ok(installs) = Regex::new(INSTALLS) else {
        return;
    };
    for container in &pod.containers {
        let Some(script) = script(container) else {
            continue;
        };
        let mut told = false;
        for (line, at_line) in script.lines().filter(|(line, _)| !line.trim_start().starts_with('#')) {
            let Some(found) = installs.find(line) else {
                continue;
            };
            told = true;
            findings.push(installing(pod, container, image, at_line, found.as_str(), line));
        }
        if !told {
            let said = format!("a shell starts {}", spoken(pod));
            let field = format!("{}.command", container.field);
            let mut finding = at(&lower(&START, Severity::Note), pod.document, script.line, field, said);
            finding.help = Some(
                "name the program and its arguments: a shell takes signals and hides failures".to_owned(),
            );
            findings.push(finding);
        }
    }
}

fn installing(
    pod: &Pod<'_>,
    container: &Container<'_>,
    image: Option<&ImageFacts>,
    at_line: usize,
    found: &str,
    line: &str,
) -> Finding {
    let said = format!("{} runs `{found}` each time that it starts", spoken(pod));
    let field = format!("{}.args", container.field);
    let mut finding = at(&START, pod.document, at_line, field, said);
    finding.evidence.insert("line".to_owned(), line.trim().to_owned());
    let user = image.and_then(|facts| facts.user.clone());
    if let Some(user) = user.filter(|user| !user.is_empty() && user != "root" && user != "0") {
        finding.evidence.insert("user".to_owned(), format!("{user}, who may not install anything"));
    }
    finding.help = Some("put what it brings into the image: a `graft` of the files, or the base".to_owned());
    finding
}

/// What a shell is given to run.
fn script<'a>(container: &Container<'a>) -> Option<&'a Node> {
    let words: Vec<&Node> = container.words().collect();
    let first = words.first().and_then(|word| word.text())?;
    let shell = first.rsplit('/').next().unwrap_or(first);
    if !SHELLS.contains(&shell) {
        return None;
    }
    let flag = |word: &&Node| word.text().is_some_and(|text| text.starts_with('-') && text.ends_with('c'));
    let place = words.iter().position(flag)?;
    words.get(place + 1).copied()
}
