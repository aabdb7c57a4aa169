//! `nvidia.com/v1beta1`: components with a whole pod template each.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::api::core::v1::EnvFromSource;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::api::core::v1::SecretEnvSource;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

use super::pod;
use super::stamped;
use super::workers;
use crate::recipe::Deploy;

/// What a deployment asks for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    backend_framework: &'static str,
    components: Vec<Component>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    name: &'static str,
    r#type: &'static str,
    replicas: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_version_override: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_memory_size: Option<String>,
    pod_template: PodTemplateSpec,
}

pub(super) fn spec(deploy: &Deploy, image: &str, stamp: &str) -> Spec {
    let front = Container {
        resources: Some(resources(pod::plain(&deploy.frontend.resources))),
        ..pod::frontend(deploy, image)
    };
    let front = template(deploy, front, PodSpec::default(), None);
    let mut components = vec![component(deploy, "frontend", deploy.frontend.replicas, None, front)];
    for (role, worker) in workers(deploy) {
        let mut amounts = pod::plain(&worker.resources);
        amounts.insert("nvidia.com/gpu".to_owned(), worker.gpus.to_string());
        amounts.extend(pod::devices(worker));
        let main = pod::worker(deploy, image, role, worker);
        let main = Container { resources: Some(resources(amounts)), ..main };
        let spec = PodSpec {
            node_selector: pod::nodes(deploy),
            volumes: Some(pod::volumes(deploy)),
            ..PodSpec::default()
        };
        let template = template(deploy, main, spec, Some(stamp));
        let memory = worker.resources.shared_memory.clone();
        components.push(component(deploy, role, worker.replicas, memory, template));
    }
    Spec { backend_framework: "trtllm", components }
}

fn component(
    deploy: &Deploy,
    name: &'static str,
    replicas: u32,
    memory: Option<String>,
    pod_template: PodTemplateSpec,
) -> Component {
    Component {
        name,
        r#type: name,
        replicas,
        runtime_version_override: deploy.runtime_version.clone(),
        shared_memory_size: memory,
        pod_template,
    }
}

/// The same amounts as request and as limit.
fn resources(amounts: BTreeMap<String, String>) -> ResourceRequirements {
    let amounts: BTreeMap<String, Quantity> =
        amounts.into_iter().map(|(name, amount)| (name, Quantity(amount))).collect();
    ResourceRequirements {
        limits: Some(amounts.clone()),
        requests: Some(amounts),
        ..ResourceRequirements::default()
    }
}

fn template(deploy: &Deploy, main: Container, spec: PodSpec, stamp: Option<&str>) -> PodTemplateSpec {
    let secret = deploy.secret.as_ref().map(|name| {
        let secret = SecretEnvSource { name: name.clone(), optional: None };
        vec![EnvFromSource { secret_ref: Some(secret), ..EnvFromSource::default() }]
    });
    let main = Container { env_from: secret, ..main };
    PodTemplateSpec { metadata: stamp.map(stamped), spec: Some(PodSpec { containers: vec![main], ..spec }) }
}
