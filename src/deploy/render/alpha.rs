//! `nvidia.com/v1alpha1`: services by name, each with a main container and amounts in the operator's own words.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::api::core::v1::Volume;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::pod;
use super::stamped;
use super::texts;
use super::workers;
use crate::recipe::Deploy;

/// What a deployment asks for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    backend_framework: &'static str,
    services: BTreeMap<&'static str, Service>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    component_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_component_type: Option<&'static str>,
    replicas: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_version_override: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_memory: Option<BTreeMap<String, String>>,
    resources: Resources,
    #[serde(skip_serializing_if = "Option::is_none")]
    envs: Option<Vec<EnvVar>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env_from_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_pod_metadata: Option<ObjectMeta>,
    extra_pod_spec: ExtraPodSpec,
}

#[derive(Serialize, Clone)]
struct Amounts {
    #[serde(flatten)]
    plain: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    custom: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Resources {
    limits: Amounts,
    requests: Amounts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtraPodSpec {
    main_container: Container,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_selector: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<Volume>,
}

pub(super) fn spec(deploy: &Deploy, image: &str, stamp: &str) -> Spec {
    let amounts =
        Amounts { plain: pod::plain(&deploy.frontend.resources), gpu: None, custom: BTreeMap::new() };
    let main_container = pod::frontend(deploy, image);
    let pod_spec = ExtraPodSpec { main_container, node_selector: None, volumes: Vec::new() };
    let front = service(deploy, "frontend", deploy.frontend.replicas, amounts, pod_spec);
    let mut services = BTreeMap::from([("Frontend", front)]);
    for (role, worker) in workers(deploy) {
        let amounts = Amounts {
            plain: pod::plain(&worker.resources),
            gpu: Some(worker.gpus.to_string()),
            custom: pod::devices(worker),
        };
        let mut main_container = pod::worker(deploy, image, role, worker);
        let envs = main_container.env.take();
        let pod_spec =
            ExtraPodSpec { main_container, node_selector: pod::nodes(deploy), volumes: pod::volumes(deploy) };
        let memory = worker.resources.shared_memory.as_ref();
        let made = Service {
            sub_component_type: Some(role),
            shared_memory: memory.map(|size| texts(&[("size", size)])),
            envs,
            extra_pod_metadata: Some(stamped(stamp)),
            ..service(deploy, "worker", worker.replicas, amounts, pod_spec)
        };
        services.insert(if role == "prefill" { "Prefill" } else { "Decode" }, made);
    }
    Spec { backend_framework: "trtllm", services }
}

fn service(
    deploy: &Deploy,
    component_type: &'static str,
    replicas: u32,
    amounts: Amounts,
    extra_pod_spec: ExtraPodSpec,
) -> Service {
    Service {
        component_type,
        sub_component_type: None,
        replicas,
        runtime_version_override: deploy.runtime_version.clone(),
        shared_memory: None,
        resources: Resources { limits: amounts.clone(), requests: amounts },
        envs: None,
        env_from_secret: deploy.secret.clone(),
        extra_pod_metadata: None,
        extra_pod_spec,
    }
}
