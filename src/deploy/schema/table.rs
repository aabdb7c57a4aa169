//! The schemas there are, by version and kind.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::hint::Hint;

/// What the operator of Dynamo takes, and what of Kubernetes itself is checked.
const BUILT_IN: [&str; 2] = [include_str!("dynamo.json"), include_str!("core.json")];

/// Schemas by `VERSION KIND`.
pub struct Schemas {
    kinds: BTreeMap<String, Kind>,
}

/// One version of one kind.
#[derive(Clone)]
pub struct Kind {
    /// Whether the version is going to go.
    pub deprecated: bool,
    /// Whether it comes from a definition of somebody's own, with its rules in it.
    pub own: bool,
    /// Its schema; `$ref` is an index into `shapes`.
    pub(super) schema: Value,
    pub(super) shapes: std::sync::Arc<Vec<Value>>,
}

/// Why a file is no definition.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` is not a CustomResourceDefinition: {reason}")]
pub struct CrdError {
    /// The file as the user named it.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

impl Hint for CrdError {
    fn hint(&self) -> Option<String> {
        Some(
            "write the cluster's own: `kubectl get crd dynamographdeployments.nvidia.com -o yaml`".to_owned(),
        )
    }
}

impl Schemas {
    /// What is built in.
    #[must_use]
    pub fn built_in() -> Self {
        let mut schemas = Self { kinds: BTreeMap::new() };
        for text in BUILT_IN {
            let table: Value = serde_json::from_str(text).unwrap_or_default();
            let shapes = table["shapes"].as_array().cloned().unwrap_or_default();
            schemas.add(table["kinds"].as_object().into_iter().flatten(), shapes, false);
        }
        schemas
    }

    fn add<'a>(
        &mut self,
        kinds: impl Iterator<Item = (&'a String, &'a Value)>,
        shapes: Vec<Value>,
        own: bool,
    ) {
        let shapes = std::sync::Arc::new(shapes);
        for (name, kind) in kinds {
            let deprecated = kind["deprecated"] == Value::Bool(true);
            let kind = Kind { deprecated, own, schema: kind["schema"].clone(), shapes: shapes.clone() };
            self.kinds.insert(name.clone(), kind);
        }
    }

    /// Takes the schemas of a definition in place of all that are there of its kind: it has the versions that it serves,
    /// and no other.
    ///
    /// # Errors
    /// When `definition` serves no version with a schema.
    pub fn define(&mut self, file: &str, definition: &Value) -> Result<(), CrdError> {
        let bad = |reason: &str| CrdError { file: file.to_owned(), reason: reason.to_owned() };
        if definition["kind"] != "CustomResourceDefinition" {
            let kind = definition["kind"].as_str().unwrap_or("none");
            return Err(bad(&format!("its kind is `{kind}`")));
        }
        let spec = &definition["spec"];
        let (group, kind) = (&spec["group"], &spec["names"]["kind"]);
        let (Some(group), Some(kind)) = (group.as_str(), kind.as_str()) else {
            return Err(bad("it has no group or no kind"));
        };
        let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let made: Vec<(String, Value)> = versions
            .iter()
            .filter(|version| version["served"] != Value::Bool(false))
            .filter_map(|version| {
                let schema = version["schema"]["openAPIV3Schema"].as_object()?;
                let name = format!("{group}/{} {kind}", version["name"].as_str()?);
                Some((name, json!({"deprecated": version["deprecated"], "schema": schema})))
            })
            .collect();
        if made.is_empty() {
            return Err(bad("no version of it is served and has a schema"));
        }
        let (head, tail) = (format!("{group}/"), format!(" {kind}"));
        self.kinds.retain(|name, _| !(name.starts_with(&head) && name.ends_with(&tail)));
        self.add(made.iter().map(|(name, kind)| (name, kind)), Vec::new(), true);
        Ok(())
    }

    /// The schema of a version of a kind.
    #[must_use]
    pub fn find(&self, version: &str, kind: &str) -> Option<&Kind> {
        self.kinds.get(&format!("{version} {kind}"))
    }

    /// The versions of a kind that are known.
    #[must_use]
    pub fn versions(&self, kind: &str) -> Vec<&str> {
        let pairs = self.kinds.keys().filter_map(|name| name.split_once(' '));
        pairs.filter(|(_, other)| *other == kind).map(|(version, _)| version).collect()
    }

    /// The schema of `metadata`, which definitions leave out: it is the same for all objects.
    pub(super) fn metadata(&self) -> Option<(Value, &Kind)> {
        let map = self.find("v1", "ConfigMap")?;
        Some((map.schema["properties"]["metadata"].clone(), map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_built_in_and_a_definition_takes_their_place() {
        let mut schemas = Schemas::built_in();
        let kind = "DynamoGraphDeployment";
        assert_eq!(schemas.versions(kind), ["nvidia.com/v1alpha1", "nvidia.com/v1beta1"]);
        assert!(schemas.find("nvidia.com/v1alpha1", kind).unwrap().deprecated);
        let version = json!({"name": "v2", "schema": {"openAPIV3Schema": {"type": "object"}}});
        let spec = json!({"group": "nvidia.com", "names": {"kind": kind}, "versions": [version]});
        let definition = json!({"kind": "CustomResourceDefinition", "spec": spec});
        schemas.define("crd.yaml", &definition).unwrap();
        assert_eq!(schemas.versions(kind), ["nvidia.com/v2"]);
        assert!(schemas.define("x", &json!({"kind": "Pod"})).is_err());
    }
}
