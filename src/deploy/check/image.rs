//! How the image is named: by what may change under the name, or by what cannot.

use regex::Regex;

use super::ImageFacts;
use super::at;
use super::lower;
use super::notices::IMAGE_OTHER;
use super::notices::IMAGE_TAG;
use super::notices::RUNTIME_VERSION;
use super::spoken;
use crate::deploy::manifest::VERSIONS;
use crate::deploy::pod::Pod;
use crate::deploy::yaml::Node;
use crate::finding::Finding;
use crate::finding::Severity;

pub(super) fn check(pod: &Pod<'_>, facts: Option<&ImageFacts>, findings: &mut Vec<Finding>) {
    for container in &pod.containers {
        let field = format!("{}.image", container.field);
        let Some((node, text)) = container.node.get("image").and_then(|node| Some((node, node.text()?)))
        else {
            continue;
        };
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let tag = name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        if digest.is_none() {
            findings.push(by_tag(pod, node, field.clone(), text, tag));
        }
        if container.main {
            findings.extend(runtime_version(pod, node, tag));
            let known = facts.and_then(|facts| Some((facts, facts.digest.as_deref()?)));
            if let (Some((facts, known)), Some(digest)) = (known, digest)
                && known != digest
            {
                let said = format!("{} runs another image than `{}`", spoken(pod), facts.written);
                let mut finding = at(&IMAGE_OTHER, pod.document, node.line, field, said);
                finding.evidence.insert("checked".to_owned(), known.to_owned());
                finding.evidence.insert("runs".to_owned(), digest.to_owned());
                findings.push(finding);
            }
        }
    }
}

fn by_tag(pod: &Pod<'_>, node: &Node, field: String, text: &str, tag: Option<&str>) -> Finding {
    let (severity, said) = match tag {
        None => (
            Severity::Warning,
            format!("{} runs `{text}`, which is `latest`, whatever that is then", spoken(pod)),
        ),
        Some("latest") => {
            (Severity::Warning, format!("{} runs `{text}`, whatever that is then", spoken(pod)))
        }
        Some(_) => (Severity::Note, format!("{} runs `{text}`, a name that can be moved", spoken(pod))),
    };
    let mut finding = at(&lower(&IMAGE_TAG, severity), pod.document, node.line, field, said);
    finding.help = Some("pin it by digest: `imgforge deploy render` does, from the lock file".to_owned());
    finding
}

/// The operator must know the version of Dynamo, and takes it from the tag when that is one.
fn runtime_version(pod: &Pod<'_>, node: &Node, tag: Option<&str>) -> Option<Finding> {
    let semantic = Regex::new(r"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+.].*)?$").ok()?;
    if pod.node.get("runtimeVersionOverride").is_some() || tag.is_some_and(|tag| semantic.is_match(tag)) {
        return None;
    }
    // The field came after the first operators that knew v1alpha1 only.
    let old = pod.document.version() == VERSIONS[0];
    let severity = if old { Severity::Note } else { Severity::Warning };
    let shown = tag.map_or_else(|| "no tag".to_owned(), |tag| format!("tag `{tag}`"));
    let said = format!(
        "{} has {shown}, which tells no version of Dynamo, and no `runtimeVersionOverride`",
        spoken(pod)
    );
    let field = format!("{}.runtimeVersionOverride", pod.field);
    let mut finding = at(&lower(&RUNTIME_VERSION, severity), pod.document, node.line, field, said);
    finding.help = Some("set `runtime_version` in `[deploy]`, or `runtimeVersionOverride` here".to_owned());
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::deploy::check::tests::told;
    use crate::finding::Severity;

    #[test]
    fn names_that_move_are_told() {
        let digest = format!("r.io/a/b@sha256:{}", "0".repeat(64));
        for (image, version, want) in [
            ("r.io:5000/a/b", "1.2.3", vec![(Severity::Warning, "manifest-image-tag")]),
            ("r.io/a/b:latest", "1.2.3", vec![(Severity::Warning, "manifest-image-tag")]),
            ("r.io/a/b:1.2.3", "", vec![(Severity::Note, "manifest-image-tag")]),
            (&digest, "1.2.3", vec![]),
            (&digest, "", vec![(Severity::Warning, "manifest-runtime-version")]),
        ] {
            let version = if version.is_empty() {
                String::new()
            } else {
                format!("runtimeVersionOverride: {version}, ")
            };
            let text = format!(
                "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {{name: x}}\nspec:\n  components:\n  \
                 - {{name: a, type: frontend, {version}podTemplate: {{spec: {{containers: [{{name: main, image: '{image}'}}]}}}}}}\n"
            );
            let found = told(&text, None);
            let found: Vec<(Severity, &str)> =
                found.iter().map(|(severity, check, ..)| (*severity, check.as_str())).collect();
            assert_eq!(found, want, "{image}");
        }
    }
}
