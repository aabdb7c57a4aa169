//! What both versions of the API have in common: the container, its volumes, what it asks for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Capabilities;
use k8s_openapi::api::core::v1::ConfigMapVolumeSource;
use k8s_openapi::api::core::v1::Container;
use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::api::core::v1::EnvVarSource;
use k8s_openapi::api::core::v1::ObjectFieldSelector;
use k8s_openapi::api::core::v1::PersistentVolumeClaimVolumeSource;
use k8s_openapi::api::core::v1::SecurityContext;
use k8s_openapi::api::core::v1::Volume;
use k8s_openapi::api::core::v1::VolumeMount;

use super::config_map;
use super::texts;
use crate::recipe::Deploy;
use crate::recipe::Resources;
use crate::recipe::Worker;

/// Where the engine's files are mounted.
const CONFIG: &str = "/config";

/// The frontend's container.
pub(super) fn frontend(deploy: &Deploy, image: &str) -> Container {
    let mut args = vec!["--http-port".to_owned(), deploy.frontend.port.to_string()];
    args.extend(deploy.frontend.args.iter().cloned());
    container(deploy, image, "dynamo.frontend", args)
}

/// A worker's container.
pub(super) fn worker(deploy: &Deploy, image: &str, role: &str, worker: &Worker) -> Container {
    let mut args = vec!["--model-path".to_owned(), deploy.model.clone()];
    if let Some(name) = &deploy.served_name {
        args.extend(["--served-model-name".to_owned(), name.clone()]);
    }
    args.extend(["--disaggregation-mode".to_owned(), role.to_owned()]);
    args.extend(["--extra-engine-args".to_owned(), format!("{CONFIG}/{}", config_map::file(role))]);
    args.extend(worker.args.iter().cloned());
    let mount = |name: &str, path: &str, read_only| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only,
        ..VolumeMount::default()
    };
    let cache = deploy.cache.iter().map(|cache| mount("models", &cache.path, None));
    let mounts = std::iter::once(mount("engine", CONFIG, Some(true))).chain(cache);
    // Registered memory is locked memory; the device plugin gives all else.
    let lock = || Capabilities { add: Some(vec!["IPC_LOCK".to_owned()]), ..Capabilities::default() };
    let context = (worker.efa > 0)
        .then(|| SecurityContext { capabilities: Some(lock()), ..SecurityContext::default() });
    Container {
        env: side_channel(deploy),
        volume_mounts: Some(mounts.collect()),
        security_context: context,
        ..container(deploy, image, "dynamo.trtllm", args)
    }
}

fn container(deploy: &Deploy, image: &str, module: &str, args: Vec<String>) -> Container {
    Container {
        name: "main".to_owned(),
        image: Some(image.to_owned()),
        command: Some(vec![deploy.python.clone(), "-m".to_owned(), module.to_owned()]),
        args: Some(args),
        ..Container::default()
    }
}

/// The pod's own address, and the port.
fn side_channel(deploy: &Deploy) -> Option<Vec<EnvVar>> {
    let channel = deploy.side_channel.as_ref()?;
    let field =
        ObjectFieldSelector { field_path: "status.podIP".to_owned(), ..ObjectFieldSelector::default() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    let host = EnvVar { name: channel.host_variable.clone(), value_from: Some(source), ..EnvVar::default() };
    let port = channel.port.to_string();
    let port = EnvVar { name: channel.port_variable.clone(), value: Some(port), ..EnvVar::default() };
    Some(vec![host, port])
}

/// A worker's volumes.
pub(super) fn volumes(deploy: &Deploy) -> Vec<Volume> {
    let map = ConfigMapVolumeSource { name: config_map::name(deploy), ..ConfigMapVolumeSource::default() };
    let engine = Volume { name: "engine".to_owned(), config_map: Some(map), ..Volume::default() };
    let cache = deploy.cache.iter().map(|cache| {
        let claim = PersistentVolumeClaimVolumeSource { claim_name: cache.claim.clone(), read_only: None };
        Volume { name: "models".to_owned(), persistent_volume_claim: Some(claim), ..Volume::default() }
    });
    std::iter::once(engine).chain(cache).collect()
}

/// The nodes that workers run on.
pub(super) fn nodes(deploy: &Deploy) -> Option<BTreeMap<String, String>> {
    let instance = deploy.instance.as_ref()?;
    Some(texts(&[("node.kubernetes.io/instance-type", instance)]))
}

/// Devices of a worker that cannot be overcommitted, by the names that Kubernetes has for them, GPUs apart.
pub(super) fn devices(worker: &Worker) -> BTreeMap<String, String> {
    let efa = (worker.efa > 0).then(|| ("vpc.amazonaws.com/efa".to_owned(), worker.efa.to_string()));
    let pages = worker.resources.hugepages.iter().map(|pages| ("hugepages-2Mi".to_owned(), pages.clone()));
    efa.into_iter().chain(pages).collect()
}

/// Processors and memory.
pub(super) fn plain(resources: &Resources) -> BTreeMap<String, String> {
    texts(&[("cpu", &resources.cpu), ("memory", &resources.memory)])
}
