//! Names that one part of the manifests uses for another: volumes, objects, files of ConfigMaps.

use super::at;
use super::lower;
use super::notices::REFERENCE;
use super::spoken;
use crate::deploy::manifest::Document;
use crate::deploy::pod::Container;
use crate::deploy::pod::Pod;
use crate::deploy::yaml;
use crate::deploy::yaml::Node;
use crate::deploy::yaml::Value;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::recipe::nearest;

/// A use of another object: its kind, the place of its name, and the keys of it that are used.
struct Use<'a> {
    kind: &'static str,
    name: &'a Node,
    keys: Vec<&'a Node>,
    field: String,
}

pub(super) fn check(pod: &Pod<'_>, documents: &[Document], findings: &mut Vec<Finding>) {
    volumes(pod, findings);
    for one in uses(pod) {
        findings.extend(object(pod, documents, &one));
        findings.extend(keys(pod, documents, &one));
    }
    for container in &pod.containers {
        files(pod, container, documents, findings);
    }
}

/// Mounts without a volume, and volumes without a mount.
fn volumes(pod: &Pod<'_>, findings: &mut Vec<Finding>) {
    let names: Vec<String> =
        pod.volumes().iter().filter_map(|volume| Some(volume.text_at("name")?.to_owned())).collect();
    let mut mounted = Vec::new();
    for container in &pod.containers {
        for mount in container.list("volumeMounts").iter().chain(container.list("volumeDevices")) {
            let Some(name) = mount.text_at("name") else {
                continue;
            };
            mounted.push(name);
            if !names.iter().any(|other| other == name) {
                let said = format!("{} mounts volume `{name}`, which it does not have", spoken(pod));
                let field = format!("{}.volumeMounts[{name}]", container.field);
                let mut finding = at(&REFERENCE, pod.document, mount.line, field, said);
                finding.help = nearest(name, &names).map(|near| format!("did you mean `{near}`?"));
                findings.push(finding);
            }
        }
    }
    for volume in pod.volumes() {
        let name = volume.text_at("name").unwrap_or_default();
        if !mounted.contains(&name) {
            let said = format!("{} has volume `{name}`, which nothing mounts", spoken(pod));
            let field = format!("{}.volumes[{name}]", pod.field);
            findings.push(at(&lower(&REFERENCE, Severity::Note), pod.document, volume.line, field, said));
        }
    }
}

/// Every use of another object, unless it may be absent.
fn uses<'a>(pod: &Pod<'a>) -> Vec<Use<'a>> {
    let mut uses = Vec::new();
    let mut add = |kind, owner: Option<&'a Node>, key: &str, keys: Vec<&'a Node>, field: String| {
        let optional = owner.and_then(|owner| owner.get("optional"));
        let name = owner.and_then(|owner| owner.get(key)).filter(|name| name.text().is_some());
        if let Some(name) = name.filter(|_| optional.is_none_or(|node| node.value != Value::Bool(true))) {
            uses.push(Use { kind, name, keys, field });
        }
    };
    let items = |owner: Option<&'a Node>| -> Vec<&'a Node> {
        let items = owner.and_then(|owner| owner.get("items")).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.get("key")).collect()
    };
    for volume in pod.volumes() {
        let field = format!("{}.volumes[{}]", pod.field, volume.text_at("name").unwrap_or_default());
        let (map, secret) = (volume.get("configMap"), volume.get("secret"));
        add("ConfigMap", map, "name", items(map), field.clone());
        add("Secret", secret, "secretName", items(secret), field.clone());
        add(
            "PersistentVolumeClaim",
            volume.get("persistentVolumeClaim"),
            "claimName",
            Vec::new(),
            field.clone(),
        );
        let sources = volume.at(&["projected", "sources"]).map(Node::items).unwrap_or_default();
        for source in sources {
            let map = source.get("configMap");
            add("ConfigMap", map, "name", items(map), field.clone());
        }
    }
    for container in &pod.containers {
        for source in container.list("envFrom") {
            let field = format!("{}.envFrom", container.field);
            add("ConfigMap", source.get("configMapRef"), "name", Vec::new(), field.clone());
            add("Secret", source.get("secretRef"), "name", Vec::new(), field);
        }
        for variable in &container.env {
            let field = format!("{}.env[{}]", container.field, variable.name);
            let (map, secret) = (["valueFrom", "configMapKeyRef"], ["valueFrom", "secretKeyRef"]);
            let (map, secret) = (variable.node.at(&map), variable.node.at(&secret));
            let key =
                |owner: Option<&'a Node>| owner.and_then(|owner| owner.get("key")).into_iter().collect();
            add("ConfigMap", map, "name", key(map), field.clone());
            add("Secret", secret, "name", key(secret), field);
        }
    }
    add("ServiceAccount", pod.spec, "serviceAccountName", Vec::new(), pod.field.clone());
    uses
}

/// The document that defines an object.
fn find<'a>(pod: &Pod<'_>, documents: &'a [Document], kind: &str, name: &str) -> Option<&'a Document> {
    documents.iter().find(|other| other.is_beside(pod.document, kind) && other.name() == name)
}

/// An object that no document defines: only when others of its kind are defined does that say something. Of
/// ConfigMaps it is worth a note all the same, as they are a part of the deployment.
fn object(pod: &Pod<'_>, documents: &[Document], one: &Use<'_>) -> Option<Finding> {
    let name = one.name.text()?;
    if find(pod, documents, one.kind, name).is_some() {
        return None;
    }
    let others: Vec<String> = documents
        .iter()
        .filter(|other| other.kind() == one.kind)
        .map(|other| other.name().to_owned())
        .collect();
    let severity = match others.as_slice() {
        [] if one.kind == "ConfigMap" => Severity::Note,
        [] => return None,
        _ => Severity::Warning,
    };
    let said = format!("{} uses {} `{name}`, which no document defines", spoken(pod), one.kind);
    let mut finding = at(&lower(&REFERENCE, severity), pod.document, one.name.line, one.field.clone(), said);
    finding.help = Some(match nearest(name, &others) {
        Some(near) => format!("did you mean `{near}`? Otherwise it must be in the cluster"),
        None => {
            "check it together with the file that defines it, or make sure that the cluster has it".to_owned()
        }
    });
    Some(finding)
}

fn keys(pod: &Pod<'_>, documents: &[Document], one: &Use<'_>) -> Vec<Finding> {
    let name = one.name.text().unwrap_or_default();
    let Some(map) = find(pod, documents, one.kind, name).filter(|_| one.kind == "ConfigMap") else {
        return Vec::new();
    };
    let known = data(map);
    let missing =
        one.keys.iter().filter(|key| key.text().is_some_and(|key| !known.iter().any(|one| one == key)));
    missing
        .map(|key| no_key(pod, key.line, &one.field, name, key.text().unwrap_or_default(), &known))
        .collect()
}

fn no_key(pod: &Pod<'_>, line: usize, field: &str, map: &str, key: &str, known: &[String]) -> Finding {
    let said = format!("{} uses `{key}` of ConfigMap `{map}`, which does not have it", spoken(pod));
    let mut finding = at(&REFERENCE, pod.document, line, field, said);
    finding.help = match nearest(key, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => Some(format!("it has `{}`", known.join("`, `"))),
    };
    finding
}

/// Keys of a ConfigMap.
fn data(map: &Document) -> Vec<String> {
    let parts = ["data", "binaryData"].into_iter().filter_map(|part| map.root.get(part));
    parts.flat_map(Node::entries).map(|(key, _)| key.text.clone()).collect()
}

/// The ConfigMap that is mounted whole where `path` is, and the rest of the path.
fn mounted<'a, 'p>(
    pod: &Pod<'_>,
    container: &Container<'_>,
    documents: &'a [Document],
    path: &'p str,
) -> Option<(&'a Document, &'p str)> {
    container.list("volumeMounts").iter().find_map(|mount| {
        let rest = path.strip_prefix(mount.text_at("mountPath")?.trim_end_matches('/'))?.strip_prefix('/')?;
        let name = mount.text_at("name").filter(|_| mount.get("subPath").is_none())?;
        let volume = pod.volumes().iter().find(|volume| volume.text_at("name") == Some(name))?;
        let source = volume.get("configMap").filter(|source| source.get("items").is_none())?;
        Some((find(pod, documents, "ConfigMap", source.text_at("name")?)?, rest))
    })
}

/// Words of a text with the line of each.
fn words(node: &Node) -> impl Iterator<Item = (&str, usize)> {
    node.lines().flat_map(|(line, number)| {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ';');
        line.split(ends).map(move |word| (word, number))
    })
}

/// Files that a command names and that a ConfigMap does not have.
fn files(pod: &Pod<'_>, container: &Container<'_>, documents: &[Document], findings: &mut Vec<Finding>) {
    for (word, line) in container.words().flat_map(words) {
        let Some((map, key)) = mounted(pod, container, documents, word) else {
            continue;
        };
        let known = data(map);
        if !key.is_empty() && !key.contains(['*', '$']) && !known.iter().any(|other| other == key) {
            let field = format!("{}.args", container.field);
            findings.push(no_key(pod, line, &field, map.name(), key, &known));
        }
    }
}

/// The configuration that the engine of a container is given by name, when a document has it.
pub(super) fn engine(pod: &Pod<'_>, container: &Container<'_>, documents: &[Document]) -> Option<Node> {
    let words: Vec<(&str, usize)> =
        container.words().flat_map(words).filter(|(word, _)| !word.is_empty()).collect();
    let place = words.iter().position(|(word, _)| *word == "--extra-engine-args")?;
    let (map, key) = mounted(pod, container, documents, words.get(place + 1)?.0)?;
    let text = map.root.at(&["data", key]).and_then(Node::text)?;
    yaml::read(text).ok()?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use crate::deploy::check::tests::lines;

    const MAP: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: engine}\ndata: {prefill.yaml: 'tensor_parallel_size: 2'}\n";

    fn manifest(volume: &str, mount: &str, argument: &str) -> String {
        format!(
            "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {{name: x}}\nspec:\n  components:\n  \
             - name: a\n    type: prefill\n    podTemplate:\n      spec:\n        volumes:\n        - {volume}\n        containers:\n        \
             - name: main\n          resources: {{limits: {{nvidia.com/gpu: 1}}}}\n          args: [--extra-engine-args, {argument}]\n          \
             volumeMounts:\n          - {mount}\n{MAP}"
        )
    }

    #[test]
    fn names_lead_somewhere() {
        let volume = "{name: engine, configMap: {name: engine}}";
        let mount = "{name: engine, mountPath: /config}";
        let file = "/config/prefill.yaml";
        let one = |check: &str, line| vec![(check.to_owned(), line)];
        for (volume, mount, argument, want) in [
            (volume, mount, file, one("manifest-resources", 14)),
            (volume, mount, "/config/decode.yaml", one("manifest-reference", 15)),
            (volume, mount, "/etc/decode.yaml", vec![]),
            ("{name: engine, configMap: {name: engines}}", mount, file, one("manifest-reference", 11)),
            ("{name: engine, configMap: {name: engines, optional: true}}", mount, file, vec![]),
            (
                "{name: engine, configMap: {name: engine, items: [{key: x, path: y}]}}",
                mount,
                file,
                one("manifest-reference", 11),
            ),
        ] {
            assert_eq!(lines(&manifest(volume, mount, argument)), want, "{volume} {mount} {argument}");
        }
        let astray = lines(&manifest(volume, "{name: engin, mountPath: /config}", file));
        assert_eq!(astray, [("manifest-reference".to_owned(), 11), ("manifest-reference".to_owned(), 17)]);
    }
}
