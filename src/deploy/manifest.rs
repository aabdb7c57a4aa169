//! A file of manifests as documents, each of which knows what it says it is.

use crate::deploy::Problem;
use crate::deploy::yaml;
use crate::deploy::yaml::Node;

/// Kind of what the operator of Dynamo deploys.
pub const GRAPH: &str = "DynamoGraphDeployment";
/// Its versions, the deprecated one first.
pub const VERSIONS: [&str; 2] = ["nvidia.com/v1alpha1", "nvidia.com/v1beta1"];

/// One object.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as the user named it.
    pub file: String,
    /// The object.
    pub root: Node,
}

/// All objects of a file; those of a `List` one by one.
///
/// # Errors
/// As [`yaml::read`].
pub fn documents(file: &str, text: &str) -> Result<Vec<Document>, Problem> {
    let mut made = Vec::new();
    for root in yaml::read(text)? {
        let list = root.text_at("kind") == Some("List") && root.get("items").is_some();
        let roots =
            if list { root.get("items").map(Node::items).unwrap_or_default().to_vec() } else { vec![root] };
        made.extend(roots.into_iter().map(|root| Document { file: file.to_owned(), root }));
    }
    Ok(made)
}

impl Document {
    /// `apiVersion`; empty when there is none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.root.text_at("apiVersion").unwrap_or_default()
    }

    /// `kind`; empty when there is none.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.root.text_at("kind").unwrap_or_default()
    }

    /// `metadata.name`; empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.root.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default()
    }

    /// `metadata.namespace`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.root.at(&["metadata", "namespace"]).and_then(Node::text)
    }

    /// Whether it is of the given kind, and in the namespace of `other` as far as both say.
    #[must_use]
    pub fn is_beside(&self, other: &Self, kind: &str) -> bool {
        let apart = matches!((self.namespace(), other.namespace()), (Some(one), Some(two)) if one != two);
        self.kind() == kind && !apart
    }
}
