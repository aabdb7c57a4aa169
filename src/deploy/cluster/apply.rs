//! Server-side apply: the cluster merges, and tells who else has set a field.

use kube::api::Patch;
use kube::api::PatchParams;
use kube::api::ValidationDirective;
use serde_json::Value;

use super::Cluster;
use super::Error;
use super::MANAGER;
use super::called;

/// How objects are applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Let the cluster check and merge, and keep nothing.
    pub dry_run: bool,
    /// Take fields over that others have set.
    pub force: bool,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It was otherwise.
    Changed,
    /// It was like this.
    Unchanged,
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub namespace: String,
    /// What became of it.
    pub change: Change,
}

impl Cluster {
    /// Applies the objects in their order, strictly: a field that the cluster does not know is refused.
    ///
    /// # Errors
    /// The first object that is not taken; those before it are applied.
    pub fn apply(&self, objects: &[Value], manner: Manner) -> Result<Vec<Applied>, Error> {
        self.runtime.block_on(async {
            let mut applied = Vec::new();
            for object in objects {
                applied.push(self.apply_one(object, manner).await?);
            }
            Ok(applied)
        })
    }

    async fn apply_one(&self, object: &Value, manner: Manner) -> Result<Applied, Error> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, version) = (text(&object["kind"]), text(&object["apiVersion"]));
        let name = text(&object["metadata"]["name"]);
        let namespace = self.namespace(object["metadata"]["namespace"].as_str()).to_owned();
        let what = called(&kind, &name);
        let api = self.objects(&version, &kind, &namespace);
        let failed = |error| match Error::of(&what, error) {
            Error::NotServed { .. } => Error::NotServed { what: format!("`{kind}` in `{version}`") },
            other => other,
        };
        let before = api.get_opt(&name).await.map_err(failed)?;
        let params = PatchParams {
            dry_run: manner.dry_run,
            force: manner.force,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let mut object = object.clone();
        object["metadata"]["namespace"] = Value::from(namespace.clone());
        let after = api.patch(&name, &params, &Patch::Apply(&object)).await.map_err(failed)?;
        let change = match before {
            None => Change::Created,
            // A dry run keeps the number whatever it does: the fields themselves tell.
            Some(before) if manner.dry_run => {
                let same =
                    before.data["spec"] == after.data["spec"] && before.data["data"] == after.data["data"];
                if same { Change::Unchanged } else { Change::Changed }
            }
            Some(before) if before.metadata.resource_version == after.metadata.resource_version => {
                Change::Unchanged
            }
            Some(_) => Change::Changed,
        };
        Ok(Applied { kind, name, namespace, change })
    }
}
