//! `[deploy]`: how the image that the recipe makes is run on a cluster.
//!
//! Describes only: what Kubernetes makes of it is `deploy`'s business.

pub(super) mod fault;
pub(super) mod raw;
pub(super) mod read;
mod rules;

use serde_json::Map;
use serde_json::Value;

use crate::finding::RecipeSpot;

/// A disaggregated deployment: a frontend, workers that read prompts, workers that write answers.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// Repository that the cluster pulls the image from, without tag and digest.
    pub image: String,
    /// Name of the deployment and the beginning of what belongs to it (a DNS label).
    pub name: String,
    /// Namespace; `None` leaves it to whoever applies.
    pub namespace: Option<String>,
    /// Model, as the engine takes it: a name or a path in the pod.
    pub model: String,
    /// Name under which the model is served; `None`: the engine's choice.
    pub served_name: Option<String>,
    /// Version of Dynamo in the image, `MAJOR.MINOR.PATCH`: the operator asks for it when the tag does not say.
    pub runtime_version: Option<String>,
    /// Interpreter in the image that has Dynamo.
    pub python: String,
    /// Instance type of the nodes that workers run on.
    pub instance: Option<String>,
    /// Secret whose keys become variables of all containers, such as a token of a model hub.
    pub secret: Option<String>,
    /// Where the agents of workers find each other.
    pub side_channel: Option<SideChannel>,
    /// A volume claim that keeps models between starts.
    pub cache: Option<Cache>,
    /// The HTTP frontend.
    pub frontend: Frontend,
    /// Workers that read prompts.
    pub prefill: Worker,
    /// Workers that write answers.
    pub decode: Worker,
    /// Where the recipe says all this.
    pub spot: RecipeSpot,
}

/// The address that a worker gives to its peers: the pod's own, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideChannel {
    /// The port.
    pub port: u16,
    /// Variable that is set to the pod's address.
    pub host_variable: String,
    /// Variable that is set to the port.
    pub port_variable: String,
}

/// A volume claim and where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Name of the claim.
    pub claim: String,
    /// Absolute path in the pod.
    pub path: String,
}

/// What a pod asks of its node: Kubernetes quantities, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// Processors.
    pub cpu: String,
    /// Memory.
    pub memory: String,
    /// Pages of 2 MiB, as an amount of memory.
    pub hugepages: Option<String>,
    /// Size of `/dev/shm`.
    pub shared_memory: Option<String>,
}

/// The frontend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    /// How many.
    pub replicas: u32,
    /// Port that it listens on.
    pub port: u16,
    /// More arguments.
    pub args: Vec<String>,
    /// What it asks of its node.
    pub resources: Resources,
}

/// Workers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// How many.
    pub replicas: u32,
    /// GPUs of each, at least 1.
    pub gpus: u32,
    /// EFA devices of each.
    pub efa: u32,
    /// More arguments.
    pub args: Vec<String>,
    /// What it asks of its node.
    pub resources: Resources,
    /// Configuration of the engine, as it will be written to its file.
    pub engine: Map<String, Value>,
}
