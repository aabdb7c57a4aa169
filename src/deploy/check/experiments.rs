//! Rules about what the operator calls experimental: transfer policies, checkpoints, a memory service for GPUs.

use super::rules::Broken;
use crate::deploy::yaml::Node;
use crate::deploy::yaml::Value;

/// Annotation of a pod template that chooses how vLLM runs on several nodes, and what it may say.
const BACKEND: (&str, [&str; 2]) = ("nvidia.com/vllm-distributed-executor-backend", ["mp", "ray"]);
/// Longest prefix of a label's name (`PREFIX/NAME`), as Kubernetes has it.
const PREFIX: usize = 253;

/// Rules of the whole deployment.
pub(super) fn policy(spec: &Node, broken: &mut Vec<Broken>) {
    let Some(policy) = spec.at(&["experimental", "kvTransferPolicy"]) else {
        return;
    };
    let field = "spec.experimental.kvTransferPolicy";
    let mut fail = |key: &str, said: &str| broken.push(broke(policy, field, key, said));
    if policy.get("labelKey").is_some() == policy.get("clusterTopologyName").is_some() {
        fail("", "`kvTransferPolicy` needs exactly one of `labelKey` and `clusterTopologyName`");
    }
    let preferred = policy.text_at("enforcement") == Some("preferred");
    match policy.get("preferredWeight") {
        None if preferred => fail("enforcement", "`enforcement: preferred` needs a `preferredWeight`"),
        Some(_) if !preferred => fail("preferredWeight", "`preferredWeight` is for `enforcement: preferred`"),
        _ => {}
    }
    let prefix = policy.text_at("labelKey").and_then(|key| key.split_once('/'));
    if prefix.is_some_and(|(prefix, _)| prefix.chars().count() > PREFIX) {
        fail("labelKey", "the prefix of `labelKey` has more than 253 characters");
    }
}

/// Rules of a component; `node` is what holds `checkpoint` and `gpuMemoryService`, which the versions of the API have in
/// different places.
pub(super) fn component(node: &Node, field: &str, broken: &mut Vec<Broken>) {
    if let Some(checkpoint) = node.get("checkpoint") {
        let named = checkpoint.text_at("checkpointRef").is_some_and(|name| !name.is_empty());
        if let Some(job) = checkpoint.get("job").filter(|_| named) {
            let said = "`checkpoint` needs no `job` when `checkpointRef` names one that is there".to_owned();
            broken.push((format!("{field}.checkpoint.job"), job.line, said));
        }
    }
    let Some(memory) = node.get("gpuMemoryService") else {
        return;
    };
    let between = memory.text_at("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("interPod"));
    let filled = |key: &str| memory.get(key).filter(|list| !list.items().is_empty());
    let field = format!("{field}.gpuMemoryService");
    if filled("extraClientContainers").is_some() && between {
        let said = "`extraClientContainers` are for the mode within a pod";
        broken.push(broke(memory, &field, "extraClientContainers", said));
    }
    if filled("extraClientPods").is_some() {
        broken.push(broke(memory, &field, "extraClientPods", "`extraClientPods` are not implemented yet"));
    }
}

/// Rules of a component's pod template.
pub(super) fn template(component: &Node, field: &str, broken: &mut Vec<Broken>) {
    let (name, allowed) = BACKEND;
    let notes = component.at(&["podTemplate", "metadata", "annotations"]);
    let Some((_, said)) = notes.and_then(|notes| notes.entries().iter().find(|(key, _)| key.text == name))
    else {
        return;
    };
    if let Value::Text(text) = &said.value
        && !allowed.contains(&text.to_ascii_lowercase().as_str())
    {
        let reason = format!("`{name}` is `{text}`; it may be `{}`", allowed.join("` or `"));
        broken.push((format!("{field}.podTemplate.metadata.annotations"), said.line, reason));
    }
}

fn broke(node: &Node, field: &str, key: &str, said: &str) -> Broken {
    let line = node.get(key).map_or(node.line, |inner| inner.line);
    let field = if key.is_empty() { field.to_owned() } else { format!("{field}.{key}") };
    (field, line, said.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::deploy::check::tests::lines;

    #[test]
    fn what_is_experimental_has_rules() {
        let head =
            "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {name: x}\nspec:\n";
        let policy =
            |fields: &str| format!("  experimental:\n    kvTransferPolicy:\n      domain: r\n{fields}");
        let part = |field: &str| format!("  components:\n  - name: a\n    {field}\n");
        for (body, want) in [
            (policy("      labelKey: a/b\n"), None),
            (policy(""), Some(7)),
            (policy("      labelKey: b\n      enforcement: preferred\n"), Some(9)),
            (policy("      labelKey: b\n      preferredWeight: 0.5\n"), Some(9)),
            (policy(&format!("      labelKey: {}/r\n", vec!["p".repeat(63); 4].join("."))), Some(8)),
            (part("experimental: {checkpoint: {enabled: true, checkpointRef: c, job: {}}}"), Some(7)),
            (part("experimental: {checkpoint: {enabled: true, job: {}}}"), None),
            (part("experimental: {gpuMemoryService: {extraClientContainers: [a]}}"), None),
            (part("experimental: {gpuMemoryService: {mode: InterPod, extraClientContainers: [a]}}"), Some(7)),
            (
                part(
                    "podTemplate: {metadata: {annotations: {nvidia.com/vllm-distributed-executor-backend: MPI}}}",
                ),
                Some(7),
            ),
            (
                part(
                    "podTemplate: {metadata: {annotations: {nvidia.com/vllm-distributed-executor-backend: MP}}}",
                ),
                None,
            ),
        ] {
            let found = lines(&format!("{head}{body}"));
            let found = found.into_iter().find(|(check, _)| check == "manifest-rule").map(|(_, line)| line);
            assert_eq!(found, want, "{body}");
        }
    }
}
