//! What runs in a deployment, the same for both versions of its API: pods with containers.

use crate::deploy::manifest::Document;
use crate::deploy::manifest::GRAPH;
use crate::deploy::yaml::Key;
use crate::deploy::yaml::Node;

/// The pods of one component.
pub(super) struct Pod<'a> {
    /// The deployment it is in.
    pub(super) document: &'a Document,
    /// Name of the component.
    pub(super) name: &'a str,
    /// Whether it is one that computes: a worker of any kind.
    pub(super) works: bool,
    /// The component.
    pub(super) node: &'a Node,
    /// Fields down to the component.
    pub(super) field: String,
    /// `spec` of the pod.
    pub(super) spec: Option<&'a Node>,
    /// Containers, the main one first, init containers last.
    pub(super) containers: Vec<Container<'a>>,
}

/// A container.
pub(super) struct Container<'a> {
    /// Whether it is the component's own.
    pub(super) main: bool,
    /// Fields down to it.
    pub(super) field: String,
    /// The container.
    pub(super) node: &'a Node,
    /// Variables in the order in which Kubernetes sees them.
    pub(super) env: Vec<Variable<'a>>,
    /// `resources`, wherever they stand.
    pub(super) resources: Vec<&'a Node>,
}

/// A variable of the environment.
#[derive(Clone, Copy)]
pub(super) struct Variable<'a> {
    /// The entry.
    pub(super) node: &'a Node,
    /// Its name.
    pub(super) name: &'a str,
    /// Its value, when it is written out.
    pub(super) value: Option<&'a str>,
}

/// The pods of a deployment; none for other objects.
pub(super) fn pods(document: &Document) -> Vec<Pod<'_>> {
    let spec = document.root.get("spec").filter(|_| document.kind() == GRAPH);
    let Some(spec) = spec else {
        return Vec::new();
    };
    let components = spec.get("components").map(Node::items).unwrap_or_default();
    let services = spec.get("services").map(Node::entries).unwrap_or_default();
    let new = components.iter().map(|node| component(document, spec, node));
    new.chain(services.iter().map(|(key, node)| service(document, spec, key, node))).collect()
}

fn component<'a>(document: &'a Document, spec: &'a Node, node: &'a Node) -> Pod<'a> {
    let name = node.text_at("name").unwrap_or_default();
    let field = format!("spec.components[{name}]");
    let pod = node.at(&["podTemplate", "spec"]);
    let shared = variables(spec.get("env"));
    let container = |(list, one): (&str, &'a Node)| {
        let name = one.text_at("name").unwrap_or_default();
        let main = name == "main" && list == "containers";
        let mut env = if main { shared.clone() } else { Vec::new() };
        env.extend(variables(one.get("env")));
        let field = format!("{field}.podTemplate.spec.{list}[{name}]");
        Container { main, field, node: one, env, resources: one.get("resources").into_iter().collect() }
    };
    let role = node.text_at("type").unwrap_or_default();
    let works = matches!(role, "worker" | "prefill" | "decode");
    let containers = listed(pod).map(container).collect();
    Pod { document, name, works, node, field, spec: pod, containers }
}

fn service<'a>(document: &'a Document, spec: &'a Node, key: &'a Key, node: &'a Node) -> Pod<'a> {
    let field = format!("spec.services.{}", key.text);
    let pod = node.get("extraPodSpec");
    let mut containers = Vec::new();
    if let Some(main) = pod.and_then(|pod| pod.get("mainContainer")) {
        let mut env = variables(spec.get("envs"));
        env.extend(variables(node.get("envs")));
        env.extend(variables(main.get("env")));
        let resources = [node.get("resources"), main.get("resources")].into_iter().flatten().collect();
        let field = format!("{field}.extraPodSpec.mainContainer");
        containers.push(Container { main: true, field, node: main, env, resources });
    }
    containers.extend(listed(pod).map(|(list, one)| Container {
        main: false,
        field: format!("{field}.extraPodSpec.{list}[{}]", one.text_at("name").unwrap_or_default()),
        node: one,
        env: variables(one.get("env")),
        resources: one.get("resources").into_iter().collect(),
    }));
    let works = node.text_at("componentType") == Some("worker");
    Pod { document, name: &key.text, works, node, field, spec: pod, containers }
}

/// Containers and init containers of a pod, with the name of the list.
fn listed(pod: Option<&Node>) -> impl Iterator<Item = (&'static str, &Node)> {
    let of = move |list: &'static str| {
        let items = pod.and_then(|pod| pod.get(list)).map(Node::items).unwrap_or_default();
        items.iter().map(move |one| (list, one))
    };
    of("containers").chain(of("initContainers"))
}

fn variables(list: Option<&Node>) -> Vec<Variable<'_>> {
    let items = list.map(Node::items).unwrap_or_default().iter();
    items
        .filter_map(|node| Some(Variable { node, name: node.text_at("name")?, value: node.text_at("value") }))
        .collect()
}

impl<'a> Pod<'a> {
    /// Volumes of the pod.
    pub(super) fn volumes(&self) -> &'a [Node] {
        self.spec.and_then(|spec| spec.get("volumes")).map(Node::items).unwrap_or_default()
    }
}

impl<'a> Container<'a> {
    /// What of it `key` lists.
    pub(super) fn list(&self, key: &str) -> &'a [Node] {
        self.node.get(key).map(Node::items).unwrap_or_default()
    }

    /// `command` and `args`, one after the other.
    pub(super) fn words(&self) -> impl Iterator<Item = &'a Node> {
        self.list("command").iter().chain(self.list("args"))
    }

    /// The amount of a resource that it is limited to, by any of its names.
    pub(super) fn amount(&self, names: &[&str]) -> Option<(&'a Node, i64)> {
        let limits = self.resources.iter().filter_map(|resources| resources.get("limits"));
        let places = limits.flat_map(|limits| [Some(limits), limits.get("custom")]).flatten();
        let mut found = places.flat_map(|limits| names.iter().filter_map(|name| limits.get(name)));
        found.find_map(|node| Some((node, node.shown().parse().ok()?)))
    }
}
