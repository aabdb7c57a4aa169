//! Rules of the definition that are no schema: those of its CEL expressions that need no earlier object.
//!
//! Of the definition that is built in they stand here, in words of their own; another one brings its rules.

use super::at;
use super::experiments;
use super::notices::RULE;
use super::notices::RULE_UNCHECKED;
use crate::deploy::manifest::Document;
use crate::deploy::manifest::GRAPH;
use crate::deploy::schema::Schemas;
use crate::deploy::yaml::Node;
use crate::deploy::yaml::Value;
use crate::finding::Finding;

/// One broken rule: field, line, what it asks for.
pub(super) type Broken = (String, usize, String);

pub(super) fn check(document: &Document, schemas: &Schemas, findings: &mut Vec<Finding>) {
    if schemas.find(document.version(), document.kind()).is_some_and(|kind| kind.own) {
        return defined(document, schemas, findings);
    }
    let Some(spec) = document.root.get("spec").filter(|_| document.kind() == GRAPH) else {
        return;
    };
    let mut broken = Vec::new();
    if let Some(restart) = spec.get("restart") {
        let said = "`spec.restart` must not be there when the object is made".to_owned();
        broken.push(("spec.restart".to_owned(), restart.line, said));
    }
    let components = spec.get("components").map(Node::items).unwrap_or_default();
    together(components, &mut broken);
    for component in components {
        let field = format!("spec.components[{}]", component.text_at("name").unwrap_or_default());
        replicas(component, &field, &mut broken);
        inside(component, &field, &mut broken);
        experiments::template(component, &field, &mut broken);
        let experimental = component.get("experimental").unwrap_or(component);
        experiments::component(experimental, &format!("{field}.experimental"), &mut broken);
    }
    for (key, service) in spec.get("services").map(Node::entries).unwrap_or_default() {
        let field = format!("spec.services.{}", key.text);
        replicas(service, &field, &mut broken);
        shared_memory(service, &field, &mut broken);
        experiments::component(service, &field, &mut broken);
    }
    experiments::policy(spec, &mut broken);
    for claim in spec.get("pvcs").map(Node::items).unwrap_or_default() {
        let missing =
            ["size", "storageClass", "volumeAccessMode"].into_iter().find(|key| claim.get(key).is_none());
        let made = claim.get("create").is_some_and(|node| node.value == Value::Bool(true));
        if let Some(key) = missing.filter(|_| made) {
            let name = claim.text_at("name").unwrap_or_default();
            broken.push((
                format!("spec.pvcs[{name}]"),
                claim.line,
                format!("a claim that is made needs `{key}`"),
            ));
        }
    }
    findings.extend(broken.into_iter().map(|(field, line, said)| at(&RULE, document, line, field, said)));
}

/// The rules that the definition itself brings. As on an API server they wait until the object fits its schema.
fn defined(document: &Document, schemas: &Schemas, findings: &mut Vec<Finding>) {
    let (version, kind, root) = (document.version(), document.kind(), &document.root);
    if !schemas.misfits(version, kind, root).is_empty() {
        let said = "the rules of the definition wait until the object fits its schema".to_owned();
        return findings.push(at(&RULE_UNCHECKED, document, root.line, "", said));
    }
    for one in schemas.rulings(version, kind, root) {
        let place = if one.field.is_empty() { "the object".to_owned() } else { format!("`{}`", one.field) };
        findings.push(match one.unknown {
            None => at(&RULE, document, one.line, one.field, format!("{place}: {}", one.message)),
            Some(why) => {
                let said = format!("{place}: a rule could not be asked here: {} ({why})", one.message);
                at(&RULE_UNCHECKED, document, one.line, one.field, said)
            }
        });
    }
}

/// Rules over all components.
fn together(components: &[Node], broken: &mut Vec<Broken>) {
    let epp = |component: &&Node| component.text_at("type") == Some("epp");
    if let Some(second) = components.iter().filter(epp).nth(1) {
        broken.push((
            "spec.components".to_owned(),
            second.line,
            "two components are of type `epp`".to_owned(),
        ));
    }
    let name = |component: &Node| component.text_at("name").map(str::to_ascii_lowercase);
    for (number, component) in components.iter().enumerate() {
        let same = |other: &Node| {
            name(other).is_some()
                && name(other) == name(component)
                && other.get("name") != component.get("name")
        };
        if components[..number].iter().any(same) {
            let said = "two components have names that differ in capitals only".to_owned();
            broken.push(("spec.components".to_owned(), component.line, said));
        }
    }
}

fn replicas(component: &Node, field: &str, broken: &mut Vec<Broken>) {
    let number = |key: &str| match component.get(key).map(|node| &node.value) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    };
    let replicas = number("replicas").unwrap_or(1);
    if let Some(least) = number("minAvailable").filter(|least| replicas != 0 && *least > replicas) {
        let line = component.get("minAvailable").map_or(component.line, |node| node.line);
        let said = format!("`minAvailable` is {least}, more than the {replicas} of `replicas`");
        broken.push((format!("{field}.minAvailable"), line, said));
    }
}

/// Rules of a component of v1beta1.
fn inside(component: &Node, field: &str, broken: &mut Vec<Broken>) {
    if let Some(config) = component.get("eppConfig") {
        if component.text_at("type") != Some("epp") {
            let said = "`eppConfig` is for components of type `epp`".to_owned();
            broken.push((format!("{field}.eppConfig"), config.line, said));
        }
        if config.get("configMapRef").is_some() == config.get("config").is_some() {
            let said = "`eppConfig` needs exactly one of `configMapRef` and `config`".to_owned();
            broken.push((format!("{field}.eppConfig"), config.line, said));
        }
    }
    let pod = component.at(&["podTemplate", "spec"]);
    for list in ["containers", "initContainers"] {
        for container in pod.and_then(|pod| pod.get(list)).map(Node::items).unwrap_or_default() {
            let name = container.text_at("name").unwrap_or_default();
            let main = list == "containers" && name == "main";
            if !main && container.text_at("image").unwrap_or_default().is_empty() {
                let said = format!("container `{name}` needs an image");
                broken.push((format!("{field}.podTemplate.spec.{list}[{name}]"), container.line, said));
            }
        }
    }
}

fn shared_memory(service: &Node, field: &str, broken: &mut Vec<Broken>) {
    let Some(memory) = service.get("sharedMemory") else {
        return;
    };
    let off = memory.get("disabled").is_some_and(|node| node.value == Value::Bool(true));
    let sized = memory
        .get("size")
        .is_some_and(|size| !size.shown().starts_with(['0', '-']) && !size.shown().is_empty());
    if !off && !sized {
        let said = "`sharedMemory` needs a `size` unless it is disabled".to_owned();
        broken.push((format!("{field}.sharedMemory"), memory.line, said));
    }
}

#[cfg(test)]
mod tests {
    use crate::deploy::check::tests::lines;

    #[test]
    fn rules_that_are_no_schema() {
        let head =
            "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {name: x}\nspec:\n";
        for (body, want) in [
            ("  components:\n  - name: a\n    minAvailable: 2\n", Some(7)),
            ("  components:\n  - name: a\n    replicas: 0\n    minAvailable: 2\n", None),
            ("  components:\n  - name: a\n  - name: A\n", Some(7)),
            ("  components:\n  - name: a\n    eppConfig: {config: {}}\n", Some(7)),
            ("  components:\n  - name: a\n    podTemplate: {spec: {containers: [{name: side}]}}\n", Some(7)),
            ("  components:\n  - name: a\n    podTemplate: {spec: {containers: [{name: main}]}}\n", None),
            ("  restart: {id: x}\n", Some(5)),
        ] {
            let found = lines(&format!("{head}{body}"));
            let found = found.into_iter().find(|(check, _)| check == "manifest-rule").map(|(_, line)| line);
            assert_eq!(found, want, "{body}");
        }
    }
}
