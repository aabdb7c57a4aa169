//! The environment that a manifest sets, beside the one that the image has.

use super::ImageFacts;
use super::at;
use super::lower;
use super::notices::ENV_DRIFT;
use super::notices::ENV_REFERENCE;
use super::notices::LIBRARY_PATH;
use super::spoken;
use crate::deploy::manifest::Document;
use crate::deploy::pod::Pod;
use crate::deploy::pod::Variable;
use crate::deploy::pod::pods;
use crate::finding::Finding;
use crate::finding::Severity;

const SEARCH: &str = "LD_LIBRARY_PATH";

/// Every variable that a document sets for a main container: name, value when written out, line.
#[must_use]
pub fn settings(document: &Document) -> Vec<(String, Option<String>, usize)> {
    let pods = pods(document);
    let mains = pods.iter().flat_map(|pod| pod.containers.iter().filter(|container| container.main));
    let all = mains.flat_map(|container| &container.env);
    all.map(|one| (one.name.to_owned(), one.value.map(str::to_owned), one.node.line)).collect()
}

pub(super) fn check(pod: &Pod<'_>, image: Option<&ImageFacts>, findings: &mut Vec<Finding>) {
    for container in &pod.containers {
        for (number, variable) in container.env.iter().enumerate() {
            let field = format!("{}.env[{}]", container.field, variable.name);
            findings.extend(unresolved(pod, &container.env[..number], variable, &field));
            if !container.main {
                continue;
            }
            findings.extend(match variable.name {
                SEARCH => search_path(pod, image, variable, field),
                _ => drift(pod, image, variable, field),
            });
        }
    }
}

/// `$(NAME)` of a variable that Kubernetes does not know: it knows those of the manifest, and of them the earlier.
fn unresolved(
    pod: &Pod<'_>,
    earlier: &[Variable<'_>],
    variable: &Variable<'_>,
    field: &str,
) -> Option<Finding> {
    let value = variable.value?;
    let name = value.match_indices("$(").find_map(|(start, _)| {
        let name = value[start + 2..].split_once(')')?.0;
        let escaped = value[..start].ends_with('$');
        (!escaped && !earlier.iter().any(|other| other.name == name)).then_some(name)
    })?;
    let said =
        format!("`{}` of {} refers to `$({name})`, which stays as it is written", variable.name, spoken(pod));
    let mut finding = at(&ENV_REFERENCE, pod.document, variable.node.line, field, said);
    finding.help =
        Some("only variables that the manifest sets before can be referred to, none of the image".to_owned());
    Some(finding)
}

fn search_path(
    pod: &Pod<'_>,
    image: Option<&ImageFacts>,
    variable: &Variable<'_>,
    field: String,
) -> Option<Finding> {
    let own: Vec<&str> = variable.value.unwrap_or_default().split(':').collect();
    let mut finding = at(&LIBRARY_PATH, pod.document, variable.node.line, field, String::new());
    let has = |facts: &ImageFacts| facts.env.get(SEARCH).or_else(|| facts.extended.get(SEARCH)).cloned();
    match image.map(|facts| (facts, has(facts))) {
        Some((facts, None)) if facts.complete => return None,
        Some((facts, Some(images))) => {
            let lost: Vec<&str> =
                images.split(':').filter(|part| !part.is_empty() && !own.contains(part)).collect();
            if facts.complete && lost.is_empty() {
                return None;
            }
            finding.evidence.insert("image".to_owned(), images.clone());
            finding.evidence.insert("lost".to_owned(), lost.join(":"));
        }
        _ => {}
    }
    finding.message = format!("`{SEARCH}` of {} takes the place of the image's", spoken(pod));
    finding.help =
        Some("leave it out; what is missing belongs into the image: `[config.env_prepend]`".to_owned());
    Some(finding)
}

fn drift(
    pod: &Pod<'_>,
    image: Option<&ImageFacts>,
    variable: &Variable<'_>,
    field: String,
) -> Option<Finding> {
    let images = image?.env.get(variable.name)?;
    let own = variable.value?;
    let same = own == images;
    let (severity, said) = if same {
        (Severity::Note, format!("`{}` of {} repeats what the image says", variable.name, spoken(pod)))
    } else {
        let said = format!("`{}` of {} is `{own}`, and `{images}` in the image", variable.name, spoken(pod));
        (Severity::Warning, said)
    };
    let mut finding = at(&lower(&ENV_DRIFT, severity), pod.document, variable.node.line, field, said);
    finding.evidence.insert("image".to_owned(), images.clone());
    finding.evidence.insert("manifest".to_owned(), own.to_owned());
    finding.help = Some("say it in one place: `[config.env]` of the recipe".to_owned());
    Some(finding)
}
