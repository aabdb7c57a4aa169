//! Rights that are more than is needed.

use super::at;
use super::notices::PRIVILEGED;
use super::spoken;
use crate::deploy::pod::Pod;
use crate::deploy::yaml::Value;
use crate::finding::Finding;

pub(super) fn check(pod: &Pod<'_>, findings: &mut Vec<Finding>) {
    for container in &pod.containers {
        let context = container.node.get("securityContext");
        let privileged = context.and_then(|context| context.get("privileged"));
        let Some(privileged) = privileged.filter(|node| node.value == Value::Bool(true)) else {
            continue;
        };
        let added = context.and_then(|context| context.at(&["capabilities", "add"]));
        let names: Vec<&str> =
            added.into_iter().flat_map(|list| list.items()).filter_map(|name| name.text()).collect();
        let said = match names.as_slice() {
            [] => format!("{} runs privileged", spoken(pod)),
            _ => {
                format!("{} runs privileged, beside which the capabilities added have no effect", spoken(pod))
            }
        };
        let field = format!("{}.securityContext.privileged", container.field);
        let mut finding = at(&PRIVILEGED, pod.document, privileged.line, field, said);
        if !names.is_empty() {
            finding.evidence.insert("capabilities".to_owned(), names.join(", "));
        }
        finding.help =
            Some("take it out: device plugins give the devices, and `IPC_LOCK` is what EFA needs".to_owned());
        findings.push(finding);
    }
}
