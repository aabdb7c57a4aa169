//! Which pod a question to a deployment, a service or a pod goes to, and on which port.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use kube::api::ListParams;

use super::Cluster;
use super::Error;
use super::called;
use crate::deploy::manifest::GRAPH;

/// Label that the operator puts on pods, with the type of their component.
const TYPE_LABEL: &str = "nvidia.com/dynamo-component-type";
/// Name of the port that answers HTTP, and its number where pods do not say it (the operator's own).
const HTTP: (&str, u16) = ("http", 8000);

/// What was asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whom {
    /// What it is.
    pub kind: Asked,
    /// Its name.
    pub name: String,
    /// The port: of a service its own, else that of the pod.
    pub port: Option<u16>,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The frontend of a deployment of the operator of Dynamo.
    Deployment,
    /// A pod behind a service.
    Service,
    /// A pod.
    Pod,
}

/// The words for them.
const KINDS: [(&str, Asked); 5] = [
    ("deploy", Asked::Deployment),
    ("deployment", Asked::Deployment),
    ("svc", Asked::Service),
    ("service", Asked::Service),
    ("pod", Asked::Pod),
];

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The pod.
    pub pod: String,
    /// Its port.
    pub port: u16,
    /// Where it is.
    pub namespace: String,
}

impl Whom {
    /// `deploy/NAME`, `svc/NAME` or `pod/NAME`, each with `:PORT` or without; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        let kind = KINDS.into_iter().find(|(word, _)| *word == kind)?.1;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (rest, None),
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let named = !name.is_empty() && name.chars().all(fits);
        named.then(|| Self { kind, name: name.to_owned(), port })
    }

    /// Whether a text begins as such a name does, whatever follows.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.split_once('/').is_some_and(|(kind, _)| KINDS.iter().any(|(word, _)| *word == kind))
    }

    fn called(&self) -> String {
        let kind = match self.kind {
            Asked::Deployment => GRAPH,
            Asked::Service => "Service",
            Asked::Pod => "Pod",
        };
        called(kind, &self.name)
    }
}

impl Cluster {
    /// A pod that is ready, and its port.
    pub(super) async fn door(&self, whom: &Whom) -> Result<Door, Error> {
        let (what, namespace) = (whom.called(), self.namespace(None).to_owned());
        let (pod, port) = match whom.kind {
            Asked::Deployment => {
                self.deployment(&whom.name).await?;
                let label = |pod: &Pod| pod.metadata.labels.as_ref()?.get(TYPE_LABEL).cloned();
                let mut pods = self.pods(&whom.name).await?;
                pods.retain(|pod| label(pod).as_deref() == Some("frontend"));
                let pod = ready(&format!("the frontend of {what}"), &namespace, pods)?;
                let port = whom.port.or_else(|| named(&pod, HTTP.0)).unwrap_or(HTTP.1);
                (pod, port)
            }
            Asked::Service => {
                let service = self.read::<Service>(&what, &whom.name).await?;
                let spec = service.spec.unwrap_or_default();
                let port = chosen(&what, spec.ports.as_deref().unwrap_or_default(), whom.port)?;
                let pods = self.behind(&spec.selector.unwrap_or_default()).await?;
                let pod = ready(&what, &namespace, pods)?;
                let number = target(&what, &port, &pod)?;
                (pod, number)
            }
            Asked::Pod => {
                let pod = self.read::<Pod>(&what, &whom.name).await?;
                let pod = ready(&format!("name `{}`", whom.name), &namespace, vec![pod])?;
                let port = whom.port.map_or_else(|| own(&what, &pod), Ok)?;
                (pod, port)
            }
        };
        Ok(Door { pod: pod.metadata.name.unwrap_or_default(), port, namespace })
    }

    async fn read<K>(&self, what: &str, name: &str) -> Result<K, Error>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let namespace = self.namespace(None);
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(|error| Error::of(what, error))?;
        found.ok_or_else(|| Error::NotThere { what: what.to_owned(), namespace: namespace.to_owned() })
    }

    /// The pods that a service chooses; none when it chooses by no label.
    async fn behind(&self, selector: &BTreeMap<String, String>) -> Result<Vec<Pod>, Error> {
        if selector.is_empty() {
            return Ok(Vec::new());
        }
        let labels: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let api: Api<Pod> = Api::namespaced(self.client.clone(), self.namespace(None));
        let list = api.list(&ListParams::default().labels(&labels.join(","))).await;
        Ok(list.map_err(|error| Error::of("pods", error))?.items)
    }
}

/// The first of the pods, by name, that is ready.
fn ready(what: &str, namespace: &str, mut pods: Vec<Pod>) -> Result<Pod, Error> {
    pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
        let conditions = conditions.unwrap_or_default();
        let ready = conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
        ready && pod.metadata.deletion_timestamp.is_none()
    };
    if let Some(place) = pods.iter().position(is_ready) {
        return Ok(pods.swap_remove(place));
    }
    let said = pods.iter().map(|pod| {
        let state = super::status::state(pod);
        let why = state.waiting.map(|why| format!(", {why}")).unwrap_or_default();
        format!("`{}` is {}{why}", state.name, state.phase)
    });
    let said: Vec<String> = said.collect();
    let seen = if said.is_empty() { "there is none".to_owned() } else { said.join("; ") };
    Err(Error::NoPod { what: what.to_owned(), namespace: namespace.to_owned(), seen })
}

/// Every port that the pod's containers tell of, with its name.
fn told(pod: &Pod) -> impl Iterator<Item = (Option<&str>, u16)> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let ports = containers.iter().flat_map(|one| one.ports.as_deref().unwrap_or_default());
    ports.filter_map(|one| Some((one.name.as_deref(), u16::try_from(one.container_port).ok()?)))
}

fn named(pod: &Pod, name: &str) -> Option<u16> {
    told(pod).find(|(other, _)| *other == Some(name)).map(|(_, port)| port)
}

/// The port of a pod that was named without one: `http`, or the only one.
fn own(what: &str, pod: &Pod) -> Result<u16, Error> {
    let all: Vec<u16> = told(pod).map(|(_, port)| port).collect();
    match (named(pod, HTTP.0), all.as_slice()) {
        (Some(port), _) => Ok(port),
        (None, [port]) => Ok(*port),
        _ => Err(no_port(what, all.iter().map(u16::to_string).collect())),
    }
}

/// The port of a service that is meant: the one asked for, the only one, or `http`.
fn chosen(what: &str, ports: &[ServicePort], asked: Option<u16>) -> Result<ServicePort, Error> {
    let found = match (asked, ports) {
        (Some(asked), _) => ports.iter().find(|one| one.port == i32::from(asked)),
        (None, [only]) => Some(only),
        (None, _) => ports.iter().find(|one| one.name.as_deref() == Some(HTTP.0)),
    };
    let known = || ports.iter().map(|one| one.port.to_string()).collect();
    found.cloned().ok_or_else(|| no_port(what, known()))
}

/// The pod's port behind a service's.
fn target(what: &str, port: &ServicePort, pod: &Pod) -> Result<u16, Error> {
    let number = match &port.target_port {
        Some(IntOrString::String(name)) => named(pod, name),
        Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
        None => u16::try_from(port.port).ok(),
    };
    number.ok_or_else(|| no_port(what, told(pod).map(|(_, port)| port.to_string()).collect()))
}

fn no_port(what: &str, known: Vec<String>) -> Error {
    let known = if known.is_empty() { "it tells of none".to_owned() } else { known.join(", ") };
    Error::NoPort { what: what.to_owned(), known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::json;

    fn pod(name: &str, ready: bool, ports: Value) -> Pod {
        let status = if ready { "True" } else { "False" };
        let document = json!({"metadata": {"name": name},
            "spec": {"containers": [{"name": "main", "ports": ports}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": status}]}});
        serde_json::from_value(document).unwrap()
    }

    fn service(ports: Value) -> Vec<ServicePort> {
        serde_json::from_value(ports).unwrap()
    }

    #[test]
    fn names_are_taken_as_people_write_them() {
        let whom = |kind, name: &str, port| Some(Whom { kind, name: name.to_owned(), port });
        for (text, want) in [
            ("deploy/qwen", whom(Asked::Deployment, "qwen", None)),
            ("svc/front.a:8000", whom(Asked::Service, "front.a", Some(8000))),
            ("service/f", whom(Asked::Service, "f", None)),
            ("pod/f-0:1", whom(Asked::Pod, "f-0", Some(1))),
            ("deploy/", None),
            ("deploy/A", None),
            ("pod/x:0", None),
            ("pod/x:70000", None),
            ("http://h:8000/v1", None),
            ("qwen", None),
        ] {
            assert_eq!(Whom::parse(text), want, "{text}");
        }
    }

    #[test]
    fn the_first_ready_pod_is_taken_and_others_are_told() {
        let none = json!([]);
        let pods = vec![pod("c", true, none.clone()), pod("b", true, none.clone()), pod("a", false, none)];
        assert_eq!(ready("x", "n", pods.clone()).unwrap().metadata.name.unwrap(), "b");
        let error = ready("the frontend of x", "n", pods[2..].to_vec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no pod of the frontend of x in namespace `n` is ready: `a` is Running"
        );
        assert!(ready("x", "n", Vec::new()).unwrap_err().to_string().ends_with("there is none"));
    }

    #[test]
    fn ports_are_those_of_the_pod() {
        let http =
            json!([{"name": "metrics", "containerPort": 9090}, {"name": "http", "containerPort": 8000}]);
        assert_eq!(own("x", &pod("p", true, http.clone())).unwrap(), 8000);
        assert_eq!(own("x", &pod("p", true, json!([{"containerPort": 7}]))).unwrap(), 7);
        let two = pod("p", true, json!([{"containerPort": 7}, {"containerPort": 8}]));
        assert!(own("x", &two).unwrap_err().to_string().contains("7, 8"));
        let ports = service(json!([{"port": 80, "targetPort": "http"}, {"name": "http", "port": 81}]));
        let pod = pod("p", true, http);
        for (asked, want) in [(Some(80), 8000), (Some(81), 81), (None, 81)] {
            assert_eq!(target("x", &chosen("x", &ports, asked).unwrap(), &pod).unwrap(), want);
        }
        assert!(chosen("x", &ports, Some(5)).unwrap_err().to_string().contains("80, 81"));
    }
}
