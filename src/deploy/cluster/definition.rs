//! What the cluster itself says that objects may hold.

use kube::Api;
use kube::api::ApiResource;
use kube::api::DynamicObject;
use kube::api::GroupVersionKind;
use serde_json::Value;

use super::Cluster;
use super::Error;
use super::called;
use crate::deploy::manifest::GRAPH;

impl Cluster {
    /// The definitions of the kinds, each of which is a version (`GROUP/VERSION`) and a kind. What is none of a
    /// CustomResourceDefinition is left out.
    ///
    /// # Errors
    /// When the cluster does not answer, does not let them be read, or does not know deployments.
    pub fn definitions(&self, kinds: &[(String, String)]) -> Result<Vec<Value>, Error> {
        self.runtime.block_on(async {
            let mut found = Vec::new();
            for (version, kind) in kinds {
                let definition = self.definition(version, kind).await?;
                if definition.is_none() && kind == GRAPH {
                    return Err(Error::NotServed { what: kind.clone() });
                }
                found.extend(definition);
            }
            Ok(found)
        })
    }

    async fn definition(&self, version: &str, kind: &str) -> Result<Option<Value>, Error> {
        // Kinds of Kubernetes itself have groups without a dot, or none, and no definition.
        let Some((group, _)) = version.split_once('/').filter(|(group, _)| group.contains('.')) else {
            return Ok(None);
        };
        // A version that is not served has a definition all the same when another one of its kind is.
        let plural = format!("{}s", kind.to_ascii_lowercase());
        let plural = match self.client.list_api_group_resources(version).await {
            Ok(list) => {
                list.resources.into_iter().find(|one| one.kind == kind).map_or(plural, |one| one.name)
            }
            Err(kube::Error::Api(status)) if status.code == 404 => plural,
            Err(error) => return Err(Error::of("the cluster", error)),
        };
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        ));
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let name = format!("{plural}.{group}");
        let found = api.get_opt(&name).await;
        let found = found.map_err(|error| Error::of(&called("CustomResourceDefinition", &name), error))?;
        let value = |object: DynamicObject| {
            let mut value = object.data;
            value["kind"] = Value::from("CustomResourceDefinition");
            value
        };
        Ok(found.map(value))
    }
}
