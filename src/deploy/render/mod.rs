//! Manifests out of `[deploy]`: the engine's files as a ConfigMap, and the deployment that runs the image.
//!
//! Made of typed values. What the image's environment says is not said again; nothing is installed at start;
//! no container is privileged.

mod alpha;
mod beta;
mod config_map;
pub mod image;
mod pod;
pub mod text;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use crate::deploy::manifest::GRAPH;
use crate::deploy::manifest::VERSIONS;
use crate::recipe::Deploy;
use crate::recipe::Worker;

/// Which version of the operator's API is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `nvidia.com/v1beta1`: what operators since Dynamo 1.5.0 store.
    V1beta1,
    /// `nvidia.com/v1alpha1`: what older ones know, deprecated since.
    V1alpha1,
}

/// The objects in the order in which they are applied. `image` is the image as the cluster pulls it.
///
/// # Errors
/// Never in practice: all values are texts, numbers and truth values.
pub fn render(deploy: &Deploy, image: &str, api: Api) -> Result<Vec<Value>, serde_json::Error> {
    let engine = config_map::render(deploy);
    let stamp = config_map::stamp(&engine);
    let (version, spec) = match api {
        Api::V1beta1 => (VERSIONS[1], serde_json::to_value(beta::spec(deploy, image, &stamp))?),
        Api::V1alpha1 => (VERSIONS[0], serde_json::to_value(alpha::spec(deploy, image, &stamp))?),
    };
    let metadata = metadata(deploy, deploy.name.clone());
    let graph = Graph { api_version: version, kind: GRAPH, metadata, spec };
    Ok(vec![serde_json::to_value(engine)?, serde_json::to_value(graph)?])
}

/// A deployment in either version.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Graph {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: Value,
}

/// What pods of a worker carry, to be replaced when the engine's files change.
fn stamped(stamp: &str) -> ObjectMeta {
    ObjectMeta { annotations: Some(texts(&[("io.imgforge/engine", stamp)])), ..ObjectMeta::default() }
}

/// The kinds of workers with what each is called.
fn workers(deploy: &Deploy) -> [(&'static str, &Worker); 2] {
    [("prefill", &deploy.prefill), ("decode", &deploy.decode)]
}

/// `metadata` of what belongs to the deployment.
fn metadata(deploy: &Deploy, name: String) -> ObjectMeta {
    let labels = [("app.kubernetes.io/managed-by", "imgforge"), ("app.kubernetes.io/part-of", &deploy.name)];
    ObjectMeta {
        name: Some(name),
        namespace: deploy.namespace.clone(),
        labels: Some(texts(&labels)),
        ..ObjectMeta::default()
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::check;
    use crate::deploy::manifest::documents;
    use crate::deploy::schema::Schemas;
    use crate::recipe;

    /// What `recipes/` say.
    fn deploy(name: &str) -> Deploy {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes").join(name);
        recipe::load(&file, &BTreeMap::new()).unwrap().deploy.unwrap()
    }

    #[test]
    fn what_is_rendered_is_clean_and_the_same_each_time() {
        let image = format!("r.io/a/b@sha256:{}", "a".repeat(64));
        for name in ["libfabric.toml", "ucx.toml"] {
            for api in [Api::V1beta1, Api::V1alpha1] {
                let deploy = deploy(name);
                let objects = render(&deploy, &image, api).unwrap();
                let text = text::yaml(&objects).unwrap();
                assert_eq!(text, text::yaml(&render(&deploy, &image, api).unwrap()).unwrap());
                let documents = documents("m.yaml", &text).unwrap();
                let read: Vec<Value> = documents.iter().map(|document| document.root.json()).collect();
                assert_eq!(read, objects, "{name} {api:?}");
                let schemas = Schemas::built_in();
                let subject = check::Subject { documents: &documents, schemas: &schemas, image: None };
                let told: Vec<(String, String)> = check::check(&subject)
                    .into_iter()
                    .map(|finding| (finding.check, finding.message))
                    .collect();
                let allowed = |(check, _): &&(String, String)| check == "manifest-deprecated";
                let rest: Vec<_> = told.iter().filter(|one| !allowed(one)).collect();
                assert!(rest.is_empty(), "{name} {api:?}: {rest:?}\n{text}");
                assert_eq!(told.len(), usize::from(api == Api::V1alpha1));
            }
        }
    }

    #[test]
    fn what_the_image_says_is_not_said_again() {
        let objects = render(&deploy("libfabric.toml"), "r.io/a/b:1", Api::V1beta1).unwrap();
        let text = text::yaml(&objects).unwrap();
        for word in ["FI_PROVIDER", "LD_LIBRARY_PATH", "privileged", "apt-get", "hostPath", "/bin/sh"] {
            assert!(!text.contains(word), "{word}");
        }
        for word in ["NIXL_SIDE_CHANNEL_HOST", "status.podIP", "vpc.amazonaws.com/efa", "IPC_LOCK"] {
            assert!(text.contains(word), "{word}");
        }
    }
}
