//! How a deployment is doing, as the operator and its pods tell it.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DynamicObject;
use kube::api::ListParams;
use serde_json::Value;

use super::Cluster;
use super::Error;
use super::POD_LABEL;
use super::called;
use crate::deploy::manifest::GRAPH;

/// A condition that the operator tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type, such as `Ready`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word why.
    pub reason: String,
    /// A sentence why.
    pub message: String,
}

/// A component with its replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// How many are ready.
    pub ready: i64,
    /// How many there should be.
    pub replicas: i64,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// Such as `Running`.
    pub phase: String,
    /// Why a container of it waits, such as `ImagePullBackOff`.
    pub waiting: Option<String>,
}

/// How a deployment is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub namespace: String,
    /// Version of the API that it was read in.
    pub version: String,
    /// The operator's word for it, such as `successful`.
    pub state: Option<String>,
    /// Whether what was applied last is ready.
    pub ready: bool,
    /// What the operator tells.
    pub conditions: Vec<Condition>,
    /// Components, by name.
    pub components: Vec<Component>,
    /// Pods; empty when they were not asked for.
    pub pods: Vec<PodState>,
}

impl Status {
    pub(super) fn of(object: &DynamicObject, version: &str) -> Self {
        let status = &object.data["status"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let conditions = list.iter().map(|one| Condition {
            kind: text(&one["type"]),
            status: text(&one["status"]),
            reason: text(&one["reason"]),
            message: text(&one["message"]),
        });
        let conditions: Vec<Condition> = conditions.collect();
        let parts = [&status["components"], &status["services"]];
        let parts = parts.into_iter().filter_map(Value::as_object).flatten();
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        let components = parts.map(|(name, one)| Component {
            name: name.clone(),
            ready: one["readyReplicas"].as_i64().unwrap_or_else(|| number(&one["availableReplicas"])),
            replicas: number(&one["replicas"]),
        });
        // A status that the operator has not brought up to date is of an older deployment.
        let ready = list.iter().find(|one| one["type"] == "Ready");
        let seen = ready
            .and_then(|one| one["observedGeneration"].as_i64())
            .or(status["observedGeneration"].as_i64());
        let current =
            seen.is_none_or(|seen| object.metadata.generation.is_none_or(|generation| seen >= generation));
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            version: version.to_owned(),
            state: status["state"].as_str().map(str::to_owned),
            ready: current && ready.is_some_and(|one| one["status"] == "True"),
            components: components.collect(),
            conditions,
            pods: Vec::new(),
        }
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let state = self.state.as_deref().unwrap_or("no state yet");
        let mut parts = vec![state.to_owned()];
        parts
            .extend(self.components.iter().map(|one| format!("{} {}/{}", one.name, one.ready, one.replicas)));
        if let Some(ready) = self.conditions.iter().find(|one| one.kind == "Ready" && one.status != "True") {
            parts.push(if ready.message.is_empty() { ready.reason.clone() } else { ready.message.clone() });
        }
        parts.join(", ")
    }
}

impl Cluster {
    /// How a deployment and its pods are doing.
    ///
    /// # Errors
    /// When it is not there or the cluster does not answer.
    pub fn status(&self, name: &str) -> Result<Status, Error> {
        self.runtime.block_on(async {
            let mut status = self.deployment(name).await?;
            status.pods = self.pods(name).await?.iter().map(state).collect();
            Ok(status)
        })
    }

    /// How a deployment is doing, without its pods.
    pub(super) async fn deployment(&self, name: &str) -> Result<Status, Error> {
        let version = self.version().await?;
        let namespace = self.namespace(None);
        let what = called(GRAPH, name);
        let found = self.objects(version, GRAPH, namespace).get_opt(name).await;
        let found = found.map_err(|error| Error::of(&what, error))?;
        let missing = || Error::NotThere { what: what.clone(), namespace: namespace.to_owned() };
        Ok(Status::of(&found.ok_or_else(missing)?, version))
    }

    /// The pods of a deployment.
    pub(super) async fn pods(&self, name: &str) -> Result<Vec<Pod>, Error> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), self.namespace(None));
        let params = ListParams::default().labels(&format!("{POD_LABEL}={name}"));
        Ok(api.list(&params).await.map_err(|error| Error::of("pods", error))?.items)
    }
}

pub(super) fn state(pod: &Pod) -> PodState {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let waiting = containers.iter().find_map(|one| one.state.as_ref()?.waiting.as_ref()?.reason.clone());
    PodState {
        name: pod.metadata.name.clone().unwrap_or_default(),
        phase: status.and_then(|status| status.phase.clone()).unwrap_or_else(|| "Pending".to_owned()),
        waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(generation: i64, status: Value) -> Status {
        let object = json!({"apiVersion": "nvidia.com/v1beta1", "kind": GRAPH,
            "metadata": {"name": "x", "namespace": "n", "generation": generation}, "status": status});
        Status::of(&serde_json::from_value(object).unwrap(), "nvidia.com/v1beta1")
    }

    #[test]
    fn ready_is_what_the_operator_says_of_this_generation() {
        let ready = json!({"type": "Ready", "status": "True", "reason": "r", "message": ""});
        let said = |observed: Value| json!({"state": "successful", "observedGeneration": observed, "conditions": [ready]});
        assert!(status(2, said(json!(2))).ready);
        assert!(!status(2, said(json!(1))).ready);
        assert!(status(2, said(Value::Null)).ready);
        assert!(!status(1, json!({"state": "successful"})).ready);
        let waits = json!({"type": "Ready", "status": "False", "reason": "r", "message": "2 pods pending"});
        let components = json!({"decode": {"replicas": 2, "readyReplicas": 1}});
        let one = status(1, json!({"state": "pending", "conditions": [waits], "components": components}));
        assert_eq!(one.line(), "pending, decode 1/2, 2 pods pending");
    }
}
