//! Manifests held against their schema, against each other and against the image that they run.
//!
//! Nothing here asks a cluster or moves a layer. Each question has a file of its own; `notices` tells what their
//! findings mean.

mod environment;
mod experiments;
mod image;
mod notices;
mod references;
mod resources;
mod rules;
mod schema;
mod security;
mod start;

use std::collections::BTreeMap;

pub use environment::settings;
pub use notices::KINDS;
pub use notices::SYNTAX;

use crate::deploy::manifest::Document;
use crate::deploy::pod::Pod;
use crate::deploy::pod::pods;
use crate::deploy::schema::Schemas;
use crate::finding::Finding;
use crate::finding::Notice;
use crate::finding::Severity;

/// What is known of the image that the manifests run.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    /// As the user wrote it.
    pub written: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Variables that it puts something in front of or behind, whatever the base has.
    pub extended: BTreeMap<String, String>,
    /// Whether `env` is all of it; a recipe knows only what it sets.
    pub complete: bool,
    /// Whom its processes belong to.
    pub user: Option<String>,
    /// Digest of its manifest.
    pub digest: Option<String>,
}

/// What is checked.
pub struct Subject<'a> {
    /// All documents, of all files.
    pub documents: &'a [Document],
    /// What objects may hold.
    pub schemas: &'a Schemas,
    /// The image that they run.
    pub image: Option<&'a ImageFacts>,
}

/// Everything there is to say about the documents, in no order.
#[must_use]
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in subject.documents {
        schema::check(document, subject.schemas, &mut findings);
        rules::check(document, subject.schemas, &mut findings);
        let pods = pods(document);
        for pod in &pods {
            references::check(pod, subject.documents, &mut findings);
            resources::check(pod, subject, &mut findings);
            security::check(pod, &mut findings);
            image::check(pod, subject.image, &mut findings);
            environment::check(pod, subject.image, &mut findings);
            start::check(pod, subject.image, &mut findings);
        }
    }
    findings
}

/// A finding about a field of a document.
fn at(notice: &Notice, document: &Document, line: usize, field: impl Into<String>, said: String) -> Finding {
    let mut finding = Finding::of(notice, document.file.clone(), said);
    finding.line = Some(line);
    finding.symbol = Some(field.into());
    finding
}

/// The same on a lower level.
const fn lower(notice: &Notice, severity: Severity) -> Notice {
    Notice { severity, ..*notice }
}

/// The component as it is spoken of.
fn spoken(pod: &Pod<'_>) -> String {
    format!("component `{}`", pod.name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::deploy::manifest::documents;

    /// Severity, check, line and symbol of everything that a text gives rise to.
    pub(super) fn told(text: &str, image: Option<&ImageFacts>) -> Vec<(Severity, String, usize, String)> {
        let documents = documents("m.yaml", text).unwrap();
        let schemas = Schemas::built_in();
        let subject = Subject { documents: &documents, schemas: &schemas, image };
        let mut findings = check(&subject);
        findings.sort_by_key(|finding| finding.line);
        let told = findings.into_iter().map(|finding| {
            (finding.severity, finding.check, finding.line.unwrap_or(0), finding.symbol.unwrap_or_default())
        });
        told.collect()
    }

    /// Checks and lines alone.
    pub(super) fn lines(text: &str) -> Vec<(String, usize)> {
        told(text, None).into_iter().map(|(_, check, line, _)| (check, line)).collect()
    }
}
