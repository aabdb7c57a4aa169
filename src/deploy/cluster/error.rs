//! Why a cluster did not do what was asked, in words that say who can help.

use std::io;

use kube::config::KubeconfigError;
use kube::core::Status;

use crate::hint::Hint;

/// Somebody who has set a field before, and the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Name of the manager, such as `kubectl-client-side-apply`.
    pub manager: String,
    /// The field, such as `.spec.components`.
    pub field: String,
}

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No configuration that could be used.
    #[error("no cluster is known")]
    Config(#[source] Box<KubeconfigError>),
    /// The machinery of this process.
    #[error("cannot wait for the network")]
    Runtime(#[source] io::Error),
    /// The cluster does not know the kind.
    #[error("the cluster does not know {what}")]
    NotServed {
        /// Kind, with version where one was asked for.
        what: String,
    },
    /// No such object.
    #[error("there is no {what} in namespace `{namespace}`")]
    NotThere {
        /// The object.
        what: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// No such namespace.
    #[error("there is no namespace `{0}`")]
    NoNamespace(String),
    /// Fields belong to somebody else.
    #[error("{what} has fields that others have set: {}", owned(owners))]
    Conflict {
        /// The object.
        what: String,
        /// Who owns what.
        owners: Vec<Owner>,
    },
    /// The API server does not take the object.
    #[error("the cluster refuses {what}: {reason}")]
    Refused {
        /// The object.
        what: String,
        /// Its words.
        reason: String,
    },
    /// The user has no right to it.
    #[error("access to {what} is denied: {reason}")]
    Denied {
        /// The object.
        what: String,
        /// The server's words.
        reason: String,
    },
    /// The operator gave up.
    #[error("{what} failed: {reason}")]
    Failed {
        /// The object.
        what: String,
        /// The operator's words.
        reason: String,
    },
    /// Nothing to send a question to.
    #[error("no pod of {what} in namespace `{namespace}` is ready: {seen}")]
    NoPod {
        /// Whose pods.
        what: String,
        /// Where.
        namespace: String,
        /// Those that there are.
        seen: String,
    },
    /// Several ports, or none.
    #[error("it is not clear which port of {what} is meant: {known}")]
    NoPort {
        /// Whose port.
        what: String,
        /// Those that there are.
        known: String,
    },
    /// The pod cannot be spoken to through the cluster.
    #[error("no way to port {port} of pod `{pod}`: {reason}")]
    NoWay {
        /// The pod.
        pod: String,
        /// Its port.
        port: u16,
        /// The cluster's words.
        reason: String,
    },
    /// It took too long.
    #[error("{what} is not {wanted} after {seconds} s: {last}")]
    Late {
        /// The object.
        what: String,
        /// What was waited for.
        wanted: &'static str,
        /// How long.
        seconds: u64,
        /// How it was last seen.
        last: String,
    },
    /// The cluster cannot be spoken to.
    #[error("cannot speak to the cluster about {what}")]
    Unreachable {
        /// The object.
        what: String,
        /// Why not.
        #[source]
        source: Box<kube::Error>,
    },
}

fn owned(owners: &[Owner]) -> String {
    let parts: Vec<String> =
        owners.iter().map(|owner| format!("`{}` is `{}`'s", owner.field, owner.manager)).collect();
    parts.join(", ")
}

impl Error {
    /// What an answer about `what` means.
    pub(super) fn of(what: &str, error: kube::Error) -> Self {
        let what = what.to_owned();
        match error {
            kube::Error::Api(status) => Self::answer(what, &status),
            source => Self::Unreachable { what, source: Box::new(source) },
        }
    }

    fn answer(what: String, status: &Status) -> Self {
        let details = status.details.as_ref();
        let causes = details.map(|details| details.causes.as_slice()).unwrap_or_default();
        let owners: Vec<Owner> = causes
            .iter()
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| Owner { manager: manager(&cause.message), field: cause.field.clone() })
            .collect();
        let reason = status.message.clone();
        match (status.code, details) {
            (409, _) if !owners.is_empty() => Self::Conflict { what, owners },
            (404, Some(details)) if details.kind == "namespaces" => Self::NoNamespace(details.name.clone()),
            (404, _) => Self::NotServed { what },
            (401 | 403, _) => Self::Denied { what, reason },
            _ => Self::Refused { what, reason },
        }
    }
}

/// The name in `conflict with "NAME" using VERSION`.
fn manager(message: &str) -> String {
    message.split('"').nth(1).unwrap_or(message).to_owned()
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Config(_) => "name a file that tells of one: `--kubeconfig FILE`, and a `--context` in it",
            Self::NotServed { .. } => {
                "install the operator of Dynamo; for one that knows v1alpha1 only, add `--api v1alpha1`"
            }
            Self::NotThere { .. } => "name another `--namespace`, or `imgforge deploy apply` it first",
            Self::NoNamespace(_) => {
                "make it: `kubectl create namespace NAME`, or name another with `--namespace`"
            }
            Self::Conflict { .. } => {
                "ask whoever that is, or take the fields over: `--force-conflicts`; `--dry-run` shows what would happen"
            }
            Self::Refused { .. } => {
                "`imgforge deploy check FILE --crd CRD` with the cluster's own definition tells the line"
            }
            Self::Denied { .. } => "use another `--context`, or ask for the right",
            Self::Failed { .. } | Self::Late { .. } => {
                "`imgforge deploy status` tells more, and `imgforge deploy logs`"
            }
            Self::NoPod { .. } => "`imgforge deploy status NAME` tells what its pods wait for",
            Self::NoPort { .. } => "write the number behind the name: `svc/NAME:PORT`",
            Self::NoWay { .. } => {
                "see with `imgforge deploy logs` whether something listens there, or name another port: `pod/NAME:PORT`"
            }
            Self::Runtime(_) => return None,
            Self::Unreachable { .. } => "check that the cluster is up and that `--context` is the right one",
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, details: serde_json::Value) -> Error {
        let text = serde_json::json!({"code": code, "message": "m", "reason": "r", "details": details});
        Error::answer("ConfigMap `x`".to_owned(), &serde_json::from_value(text).unwrap())
    }

    #[test]
    fn answers_are_told_apart() {
        let cause = serde_json::json!({"reason": "FieldManagerConflict", "field": ".data.a",
            "message": "conflict with \"kubectl-edit\" using v1"});
        let conflict = status(409, serde_json::json!({"causes": [cause]}));
        let want = "ConfigMap `x` has fields that others have set: `.data.a` is `kubectl-edit`'s";
        assert_eq!(conflict.to_string(), want);
        assert!(conflict.hint().unwrap().contains("--force-conflicts"));
        let none = serde_json::json!({});
        assert!(matches!(status(409, none.clone()), Error::Refused { .. }));
        assert!(matches!(status(403, none.clone()), Error::Denied { .. }));
        assert!(matches!(status(404, none), Error::NotServed { .. }));
        let space = status(404, serde_json::json!({"kind": "namespaces", "name": "n"}));
        assert_eq!(space.to_string(), "there is no namespace `n`");
    }
}
