//! Fields, types and bounds, with what was meant.

use super::at;
use super::lower;
use super::notices::DEPRECATED;
use super::notices::KIND_UNCHECKED;
use super::notices::SCHEMA;
use crate::deploy::manifest::Document;
use crate::deploy::manifest::GRAPH;
use crate::deploy::manifest::VERSIONS;
use crate::deploy::schema::Misfit;
use crate::deploy::schema::Schemas;
use crate::deploy::schema::Slip;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::recipe::nearest;

/// What v1alpha1 calls something, and v1beta1 (operator of Dynamo, `api/v1alpha1` and `api/v1beta1`).
const RENAMED: [(&str, &str); 9] = [
    ("services", "components"),
    ("envs", "env"),
    ("componentType", "type"),
    ("subComponentType", "type"),
    ("extraPodSpec", "podTemplate"),
    ("extraPodMetadata", "podTemplate"),
    ("mainContainer", "podTemplate"),
    ("sharedMemory", "sharedMemorySize"),
    ("topologyProfile", "clusterTopologyName"),
];

pub(super) fn check(document: &Document, schemas: &Schemas, findings: &mut Vec<Finding>) {
    let (version, kind, root) = (document.version(), document.kind(), &document.root);
    let line = |key: &str| root.get(key).map_or(root.line, |node| node.line);
    for key in ["apiVersion", "kind"] {
        if root.text_at(key).is_none() {
            let said = format!("has no `{key}`");
            findings.push(at(&SCHEMA, document, line(key), key, said));
            return;
        }
    }
    if document.name().is_empty() && root.at(&["metadata", "generateName"]).is_none() {
        let said = format!("`{kind}` has no `metadata.name`");
        findings.push(at(&SCHEMA, document, line("metadata"), "metadata.name", said));
    }
    let Some(found) = schemas.find(version, kind) else {
        let known = schemas.versions(kind);
        if known.is_empty() {
            let said = format!("fields of `{kind}` are not checked: its schema is not known here");
            findings.push(at(&KIND_UNCHECKED, document, line("kind"), "kind", said));
        } else {
            let said = format!("`{kind}` has no version `{version}`");
            let mut finding = at(&SCHEMA, document, line("apiVersion"), "apiVersion", said);
            finding.help = Some(format!("its versions are `{}`", known.join("`, `")));
            findings.push(finding);
        }
        return;
    };
    if found.deprecated {
        let said = format!("`{version}` of `{kind}` is deprecated");
        let mut finding =
            at(&lower(&DEPRECATED, Severity::Note), document, line("apiVersion"), "apiVersion", said);
        finding.help = Some(format!("write it for `{}`; `imgforge deploy render` does", VERSIONS[1]));
        findings.push(finding);
    }
    let misfits = schemas.misfits(version, kind, root);
    findings.extend(misfits.into_iter().map(|misfit| told(document, misfit)));
}

fn told(document: &Document, misfit: Misfit) -> Finding {
    let place = if misfit.field.is_empty() { "the object".to_owned() } else { format!("`{}`", misfit.field) };
    let mut help = None;
    let said = match &misfit.slip {
        Slip::Unknown(name, known) => {
            help = meant(document, name, known);
            format!("{place} is no field of `{}` in `{}`", document.kind(), document.version())
        }
        Slip::Missing(name) => format!("{place} has no `{name}`"),
        Slip::Type(want, found) => {
            if *want == "a string" {
                help = Some("put it in quotes".to_owned());
            }
            format!("{place} must be {want} and is {found}")
        }
        Slip::Bounds(reason) => format!("{place} {reason}"),
    };
    let mut finding = at(&SCHEMA, document, misfit.line, misfit.field.clone(), said);
    finding.help = help;
    finding
}

/// What may have been meant by a field that is not there.
fn meant(document: &Document, name: &str, known: &[String]) -> Option<String> {
    if document.kind() == GRAPH {
        let is = |other: &str| known.iter().any(|one| one == other);
        for (old, new) in RENAMED {
            if name == old && is(new) {
                return Some(format!("`{old}` is of v1alpha1; v1beta1 says `{new}`"));
            }
            if name == new && is(old) {
                return Some(format!("`{new}` is of v1beta1; v1alpha1 says `{old}`"));
            }
        }
    }
    match nearest(name, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.len() > 12 || known.is_empty() => None,
        None => Some(format!("its fields are `{}`", known.join("`, `"))),
    }
}
