//! A cluster, as far as deployments need it: objects applied, watched, read and taken away,
//! and a way into a pod.
//!
//! The only code that speaks to Kubernetes. Every wait has an end that the caller sets.

mod apply;
mod definition;
mod door;
mod error;
mod forward;
mod logs;
mod remove;
mod status;
mod wait;

use std::path::Path;
use std::time::Duration;

use kube::Api;
use kube::Client;
use kube::Config;
use kube::api::ApiResource;
use kube::api::DynamicObject;
use kube::api::GroupVersionKind;
use kube::config::KubeConfigOptions;
use kube::config::Kubeconfig;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

pub use apply::Applied;
pub use apply::Change;
pub use apply::Manner;
pub use door::Asked;
pub use door::Door;
pub use door::Whom;
pub use error::Error;
pub use error::Owner;
pub use forward::Forward;
pub use logs::Wanted;
pub use status::Component;
pub use status::Condition;
pub use status::PodState;
pub use status::Status;

use crate::deploy::manifest::GRAPH;
use crate::deploy::manifest::VERSIONS;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Who owns the fields that are applied.
const MANAGER: &str = "imgforge";
/// Label that the operator puts on the pods of a deployment.
const POD_LABEL: &str = "nvidia.com/dynamo-graph-deployment-name";

/// Which cluster, and where in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The file that tells of clusters; `None`: where kubectl looks.
    pub kubeconfig: Option<&'a Path>,
    /// Context in it; `None`: the current one.
    pub context: Option<&'a str>,
    /// Namespace; `None`: the object's, else the context's.
    pub namespace: Option<&'a str>,
}

/// A cluster that is spoken to.
pub struct Cluster {
    client: Client,
    runtime: Runtime,
    /// Namespace that was asked for.
    asked: Option<String>,
    /// Namespace of the context.
    default: String,
}

/// An object by kind and name, for messages: `ConfigMap x`.
fn called(kind: &str, name: &str) -> String {
    format!("{kind} `{name}`")
}

impl Cluster {
    /// Reads the configuration; speaks to no cluster yet.
    ///
    /// # Errors
    /// [`Error::Config`] when there is none, or it makes no sense.
    pub fn open(place: Place<'_>) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let options =
            KubeConfigOptions { context: place.context.map(str::to_owned), cluster: None, user: None };
        let config = runtime.block_on(async {
            match place.kubeconfig {
                Some(path) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await,
                None => Config::from_kubeconfig(&options).await,
            }
        });
        let mut config = config.map_err(|source| Error::Config(Box::new(source)))?;
        config.connect_timeout = Some(CONNECT);
        let default = config.default_namespace.clone();
        // Its buffers begin to work when they are made.
        let inside = runtime.enter();
        let client = Client::try_from(config).map_err(|error| Error::of("the cluster", error))?;
        drop(inside);
        Ok(Self { client, runtime, asked: place.namespace.map(str::to_owned), default })
    }

    /// The namespace of an object that says `own`.
    fn namespace<'a>(&'a self, own: Option<&'a str>) -> &'a str {
        self.asked.as_deref().or(own).unwrap_or(&self.default)
    }

    /// Objects of a kind in a namespace.
    fn objects(&self, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// The newest version of deployments that the cluster serves.
    async fn version(&self) -> Result<&'static str, Error> {
        for version in VERSIONS.into_iter().rev() {
            match self.client.list_api_group_resources(version).await {
                Ok(list) if list.resources.iter().any(|one| one.kind == GRAPH) => return Ok(version),
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(Error::of("the cluster", error)),
            }
        }
        Err(Error::NotServed { what: GRAPH.to_owned() })
    }
}
