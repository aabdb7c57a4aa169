//! The engine's configuration files.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use super::metadata;
use super::text;
use super::workers;
use crate::oci::Digest;
use crate::recipe::Deploy;

/// The ConfigMap: a file for each kind of worker.
pub(super) fn render(deploy: &Deploy) -> ConfigMap {
    let files = workers(deploy).map(|(role, worker)| {
        // JSON is YAML too: a file that cannot be written otherwise is still read.
        let engine = Value::Object(worker.engine.clone());
        (file(role), text::document(&engine).unwrap_or_else(|_| engine.to_string()))
    });
    ConfigMap { data: Some(files.into()), metadata: metadata(deploy, name(deploy)), ..ConfigMap::default() }
}

/// Its name.
pub(super) fn name(deploy: &Deploy) -> String {
    format!("{}-engine", deploy.name)
}

/// The file of one kind of worker.
pub(super) fn file(role: &str) -> String {
    format!("{role}.yaml")
}

/// What changes with any of the files: pods that carry it are replaced when the configuration changes.
pub(super) fn stamp(map: &ConfigMap) -> String {
    let mut all = String::new();
    for (name, content) in map.data.iter().flatten() {
        all.push_str(&format!("{name}\0{content}\0"));
    }
    Digest::of(all.as_bytes()).hex().chars().take(16).collect()
}
