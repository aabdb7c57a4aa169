//! Devices: what is asked for, what is granted, and what the engine is told to use.

use super::Subject;
use super::at;
use super::lower;
use super::notices::RESOURCES;
use super::references;
use super::spoken;
use crate::deploy::pod::Container;
use crate::deploy::pod::Pod;
use crate::deploy::yaml::Key;
use crate::deploy::yaml::Node;
use crate::deploy::yaml::Value;
use crate::finding::Finding;
use crate::finding::Severity;

/// Names of GPUs and of EFA devices; `gpu` is v1alpha1's short one.
const GPU: [&str; 2] = ["nvidia.com/gpu", "gpu"];
const EFA: [&str; 1] = ["vpc.amazonaws.com/efa"];

pub(super) fn check(pod: &Pod<'_>, subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    for container in &pod.containers {
        for resources in &container.resources {
            unequal(pod, container, resources, findings);
            nothing(pod, container, resources, findings);
        }
        if container.main && pod.works {
            findings.extend(no_efa(pod, container, subject));
            findings.extend(ranks(pod, container, subject));
        }
    }
}

/// Whether Kubernetes gives no more of it than was asked for (core/v1: extended resources, huge pages).
fn is_exact(name: &str) -> bool {
    name == "gpu"
        || name.starts_with("hugepages-")
        || (name.contains('/') && !name.contains("kubernetes.io/"))
}

/// Entries of `requests` or `limits` that are exact, v1alpha1's own list of the others included.
fn exact<'a>(resources: &'a Node, list: &str) -> Vec<&'a (Key, Node)> {
    let list = resources.get(list);
    let custom = list.and_then(|list| list.get("custom"));
    let entries = [list, custom].into_iter().flatten().flat_map(|node| node.entries());
    entries.filter(|(key, _)| is_exact(&key.text)).collect()
}

fn unequal(pod: &Pod<'_>, container: &Container<'_>, resources: &Node, findings: &mut Vec<Finding>) {
    let limits = exact(resources, "limits");
    for (key, asked) in exact(resources, "requests") {
        let name = &key.text;
        let granted = limits.iter().find(|(other, _)| other.text == *name).map(|(_, node)| node.shown());
        let said = match &granted {
            Some(granted) if *granted == asked.shown() => continue,
            Some(granted) => {
                format!("{} asks for {} of `{name}` and is limited to {granted}", spoken(pod), asked.shown())
            }
            None => format!("{} asks for `{name}` without a limit", spoken(pod)),
        };
        let field = format!("{}.resources.requests[{name}]", container.field);
        let mut finding = at(&RESOURCES, pod.document, key.line, field, said);
        finding.help = Some("make both the same: Kubernetes refuses the pod".to_owned());
        findings.push(finding);
    }
}

/// A device that is asked for and not wanted.
fn nothing(pod: &Pod<'_>, container: &Container<'_>, resources: &Node, findings: &mut Vec<Finding>) {
    for (key, node) in exact(resources, "limits").into_iter().filter(|(_, node)| node.shown() == "0") {
        let said = format!("{} asks for no `{}` in so many words", spoken(pod), key.text);
        let field = format!("{}.resources.limits[{}]", container.field, key.text);
        let mut finding = at(&lower(&RESOURCES, Severity::Note), pod.document, node.line, field, said);
        finding.help = Some("leave it out".to_owned());
        findings.push(finding);
    }
}

/// libfabric is told to use EFA and nothing else, and the pod has no device of it.
fn no_efa(pod: &Pod<'_>, container: &Container<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let own = container.env.iter().rev().find(|variable| variable.name == "FI_PROVIDER");
    let images = || subject.image?.env.get("FI_PROVIDER").map(String::as_str);
    let provider = own.map_or_else(images, |variable| variable.value)?;
    if provider != "efa" || container.amount(&EFA).is_some_and(|(_, count)| count > 0) {
        return None;
    }
    let line = own.map_or(container.node.line, |variable| variable.node.line);
    let said = format!("{} has `FI_PROVIDER=efa` and asks for no EFA device", spoken(pod));
    let field = format!("{}.resources.limits[{}]", container.field, EFA[0]);
    let mut finding = at(&lower(&RESOURCES, Severity::Warning), pod.document, line, field, said);
    finding.help = Some(format!("add `{}` to requests and limits", EFA[0]));
    Some(finding)
}

/// The engine spreads a model over more GPUs than the pod has.
fn ranks(pod: &Pod<'_>, container: &Container<'_>, subject: &Subject<'_>) -> Option<Finding> {
    if pod.node.get("multinode").is_some() {
        return None;
    }
    let engine = references::engine(pod, container, subject.documents)?;
    let size = |key: &str| match engine.get(key).map(|node| &node.value) {
        Some(Value::Integer(number)) => *number,
        _ => 1,
    };
    let wanted = size("tensor_parallel_size").saturating_mul(size("pipeline_parallel_size"));
    let (node, gpus) = match container.amount(&GPU) {
        Some((node, gpus)) => (node, gpus),
        None => (container.node, 0),
    };
    if wanted == gpus {
        return None;
    }
    let said = format!("{} has {gpus} GPUs, and its engine is told to use {wanted}", spoken(pod));
    let field = format!("{}.resources.limits[{}]", container.field, GPU[0]);
    let mut finding = at(&lower(&RESOURCES, Severity::Warning), pod.document, node.line, field, said);
    finding.help = Some("ask for tensor_parallel_size times pipeline_parallel_size GPUs".to_owned());
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::deploy::check::tests::told;
    use crate::finding::Severity;

    #[test]
    fn devices_are_asked_for_as_they_are_granted() {
        for (requests, limits, want) in [
            ("nvidia.com/gpu: 1", "nvidia.com/gpu: '1'", None),
            ("nvidia.com/gpu: 1", "nvidia.com/gpu: 2", Some(Severity::Error)),
            ("vpc.amazonaws.com/efa: 1", "cpu: 1", Some(Severity::Error)),
            ("hugepages-2Mi: 1Gi", "hugepages-2Mi: 2Gi", Some(Severity::Error)),
            ("cpu: 1", "cpu: 2", None),
            ("nvidia.com/gpu: 0", "nvidia.com/gpu: 0", Some(Severity::Note)),
        ] {
            let text = format!(
                "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {{name: x}}\nspec:\n  components:\n  \
                 - name: a\n    podTemplate:\n      spec:\n        containers:\n        - name: main\n          resources:\n            \
                 requests: {{{requests}}}\n            limits: {{{limits}}}\n"
            );
            let found = told(&text, None);
            let found = found.into_iter().find(|(_, check, ..)| check == "manifest-resources");
            assert_eq!(found.map(|(severity, ..)| severity), want, "{requests} {limits}");
        }
    }
}
