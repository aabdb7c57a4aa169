//! `[deploy]` as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// How the image is run on a cluster: a frontend, workers for prompts (prefill) and workers for answers (decode).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::recipe) struct RawDeploy {
    /// Repository that the cluster pulls the image from, without tag and digest.
    #[schemars(with = "String")]
    pub(super) image: Spanned<String>,
    /// Name of the deployment; default: the recipe's name.
    #[schemars(with = "Option<String>")]
    pub(super) name: Option<Spanned<String>>,
    /// Namespace; default: that of whoever applies.
    #[schemars(with = "Option<String>")]
    pub(super) namespace: Option<Spanned<String>>,
    /// Model: a name that the engine can fetch, or a path in the pod.
    #[schemars(with = "String")]
    pub(super) model: Spanned<String>,
    /// Name under which the model is served.
    #[schemars(with = "Option<String>")]
    pub(super) served_name: Option<Spanned<String>>,
    /// Version of Dynamo in the image, `MAJOR.MINOR.PATCH`.
    #[schemars(with = "Option<String>")]
    pub(super) runtime_version: Option<Spanned<String>>,
    /// Interpreter in the image that has Dynamo; default: `python3` on the image's `PATH`.
    #[schemars(with = "Option<String>")]
    pub(super) python: Option<Spanned<String>>,
    /// Instance type of the nodes that workers run on, such as `p5.48xlarge`.
    #[schemars(with = "Option<String>")]
    pub(super) instance: Option<Spanned<String>>,
    /// Secret whose keys become variables of all containers.
    #[schemars(with = "Option<String>")]
    pub(super) secret: Option<Spanned<String>>,
    /// Where the agents of workers find each other.
    pub(super) side_channel: Option<RawSideChannel>,
    /// Volume claim that keeps models between starts.
    pub(super) cache: Option<RawCache>,
    /// The HTTP frontend.
    #[serde(default)]
    pub(super) frontend: RawFrontend,
    /// Workers that read prompts.
    pub(super) prefill: RawWorker,
    /// Workers that write answers.
    pub(super) decode: RawWorker,
}

/// The address that a worker gives to its peers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSideChannel {
    /// Port.
    #[schemars(with = "i64")]
    pub(super) port: Spanned<i64>,
    /// Variable for the pod's address; default: `NIXL_SIDE_CHANNEL_HOST`.
    #[schemars(with = "Option<String>")]
    pub(super) host_variable: Option<Spanned<String>>,
    /// Variable for the port; default: `NIXL_SIDE_CHANNEL_PORT`.
    #[schemars(with = "Option<String>")]
    pub(super) port_variable: Option<Spanned<String>>,
}

/// A volume claim.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCache {
    /// Name of the claim.
    #[schemars(with = "String")]
    pub(super) claim: Spanned<String>,
    /// Absolute path to mount it at.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
}

/// The HTTP frontend.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFrontend {
    /// How many; default: 1.
    #[schemars(with = "Option<i64>")]
    pub(super) replicas: Option<Spanned<i64>>,
    /// Port that it listens on; default: 8000.
    #[schemars(with = "Option<i64>")]
    pub(super) port: Option<Spanned<i64>>,
    /// More arguments, such as `["--router-mode", "kv"]`.
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// Processors; default: `2`.
    #[schemars(with = "Option<String>")]
    pub(super) cpu: Option<Spanned<String>>,
    /// Memory; default: `4Gi`.
    #[schemars(with = "Option<String>")]
    pub(super) memory: Option<Spanned<String>>,
}

/// Workers of one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorker {
    /// How many; default: 1.
    #[schemars(with = "Option<i64>")]
    pub(super) replicas: Option<Spanned<i64>>,
    /// GPUs of each.
    #[schemars(with = "i64")]
    pub(super) gpus: Spanned<i64>,
    /// EFA devices of each; default: none.
    #[schemars(with = "Option<i64>")]
    pub(super) efa: Option<Spanned<i64>>,
    /// Processors of each.
    #[schemars(with = "String")]
    pub(super) cpu: Spanned<String>,
    /// Memory of each.
    #[schemars(with = "String")]
    pub(super) memory: Spanned<String>,
    /// Huge pages of 2 MiB of each, as an amount of memory: EFA's queues lie in them.
    #[schemars(with = "Option<String>")]
    pub(super) hugepages: Option<Spanned<String>>,
    /// Size of `/dev/shm`: processes of one worker talk through it.
    #[schemars(with = "Option<String>")]
    pub(super) shared_memory: Option<Spanned<String>>,
    /// More arguments.
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// Configuration of the engine, handed over as it is written here.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) engine: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}
