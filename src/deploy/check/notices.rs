//! What the findings about manifests mean.

use crate::finding::Notice;
use crate::finding::Severity;

/// Every kind of finding about manifests, sorted by id.
pub const KINDS: [&Notice; 16] = [
    &DEPRECATED,
    &ENV_DRIFT,
    &ENV_REFERENCE,
    &IMAGE_OTHER,
    &IMAGE_TAG,
    &KIND_UNCHECKED,
    &LIBRARY_PATH,
    &PRIVILEGED,
    &REFERENCE,
    &RESOURCES,
    &RULE,
    &RULE_UNCHECKED,
    &RUNTIME_VERSION,
    &SCHEMA,
    &START,
    &SYNTAX,
];

pub(super) const DEPRECATED: Notice = Notice {
    id: "manifest-deprecated",
    severity: Severity::Note,
    summary: "an object is written for a deprecated version of its API",
    explain: "\
The definition of the kind marks the version as deprecated: the API server warns at each use, and a later release of \
the operator drops it. Of DynamoGraphDeployment v1alpha1 is deprecated, and v1beta1 is what is stored: `services` \
became `components` with a whole pod template each. `imgforge deploy render` writes v1beta1.",
};

pub(super) const ENV_DRIFT: Notice = Notice {
    id: "manifest-env-drift",
    severity: Severity::Warning,
    summary: "a variable is set in the manifest and in the image",
    explain: "\
What a manifest sets goes before what the image says, silently: an image that was tested with one value runs with \
another, and whoever changes the image wonders why nothing happens. Where both say the same a note is made: the next \
change will reach one of them only. Known with `--image` or `--recipe`.

Say it in one place, which is `[config.env]` of the recipe. What differs from pod to pod, such as its address, is the \
manifest's.",
};

pub(super) const ENV_REFERENCE: Notice = Notice {
    id: "manifest-env-reference",
    severity: Severity::Warning,
    summary: "a value refers to a variable that Kubernetes does not know",
    explain: "\
Kubernetes puts a value in for `$(NAME)` only when the same list sets NAME before it. Variables of the image are not \
among them: `$(LD_LIBRARY_PATH):/opt/x` is handed to the program as it is written, and the search path is then a \
directory with that odd name.

Leave the image's variables to the image (`[config.env_prepend]`), or put the earlier variable first. `$$(NAME)` is a \
literal `$(NAME)`.",
};

pub(super) const IMAGE_OTHER: Notice = Notice {
    id: "manifest-image-other",
    severity: Severity::Warning,
    summary: "the manifest runs another image than the one it is checked against",
    explain: "\
The digest in the manifest is not that of `--image`, or of the recipe's lock file: what was audited is not what will \
run, and what is said here of variables and search paths is said of an image that no pod has. Render the manifest anew, or check it against the image that it names.",
};

pub(super) const IMAGE_TAG: Notice = Notice {
    id: "manifest-image-tag",
    severity: Severity::Warning,
    summary: "an image is named by something that can be moved",
    explain: "\
A tag names whatever was pushed under it last. Two pods of one deployment that start on two days can run two images, \
and prefill and decode workers that disagree about the layout of the KV cache fail in ways that point elsewhere. \
`latest`, or no tag at all, is a warning; any other tag is a note.

Pin the digest: `imgforge deploy render` takes it from the recipe's lock file, from `--digest` or from the file that \
`imgforge build --metadata-file` wrote.",
};

pub(super) const KIND_UNCHECKED: Notice = Notice {
    id: "manifest-kind-unchecked",
    severity: Severity::Note,
    summary: "an object is of a kind whose fields are not checked",
    explain: "\
The schemas that are built in are those of DynamoGraphDeployment and of ConfigMap. Objects of other kinds count when \
names are looked up, and their fields are not looked at. `--crd FILE` adds the definition of a kind, `--live` reads it from the cluster.",
};

pub(super) const LIBRARY_PATH: Notice = Notice {
    id: "manifest-library-path",
    severity: Severity::Warning,
    summary: "the manifest takes the image's `LD_LIBRARY_PATH` away",
    explain: "\
A value in a manifest takes the place of the image's, it is not added to it. An image whose libraries are found \
through `LD_LIBRARY_PATH` then loses those directories: torch or TensorRT is not found, or another copy of a library \
is. With `--image` the directories that are lost are named, and nothing is said when none is.

Leave the variable out. A directory that is missing belongs into the image: `[config.env_prepend]` of the recipe.",
};

pub(super) const PRIVILEGED: Notice = Notice {
    id: "manifest-privileged",
    severity: Severity::Warning,
    summary: "a container runs privileged",
    explain: "\
A privileged container has every capability and every device of the node: capabilities added beside it have no effect, \
and whoever gets into the model server has the machine. Device plugins give GPUs and EFA devices to containers without \
it; memory that EFA registers needs the capability `IPC_LOCK`.

Take `privileged` out. What then fails names the one right that is needed.",
};

pub(super) const REFERENCE: Notice = Notice {
    id: "manifest-reference",
    severity: Severity::Error,
    summary: "a name in the manifests leads nowhere",
    explain: "\
A mount needs a volume of its name in the same pod: the API server refuses the pod otherwise. A file that a command \
names below a mounted ConfigMap must be a key of it. Both are errors.

A ConfigMap, Secret, claim or service account that no document defines may be in the cluster: that is a warning when \
the documents define others of the same kind, and for ConfigMaps a note otherwise. The pod waits in \
`ContainerCreating` for it, without an end. Check all files of a deployment together.",
};

pub(super) const RESOURCES: Notice = Notice {
    id: "manifest-resources",
    severity: Severity::Error,
    summary: "devices are asked for in a way that cannot be granted or used",
    explain: "\
GPUs, EFA devices and huge pages cannot be shared or overcommitted: requests and limits must be the same, else the API \
server refuses the pod, which the operator tells in its log only. That is an error.

A warning: libfabric is told to use EFA and the pod has no EFA device; or the engine is told to spread the model over \
another number of GPUs than the pod has. A note: a device of which none is asked for, in so many words.",
};

pub(super) const RULE: Notice = Notice {
    id: "manifest-rule",
    severity: Severity::Error,
    summary: "a rule of the definition that is no schema is broken",
    explain: "\
Definitions hold rules besides the schema (CEL), which the API server evaluates: names of components differ in more \
than capitals, `minAvailable` is not more than `replicas`, side containers and init containers have an image, \
`eppConfig` is for components of type `epp`, a claim that is made has a size. Those of DynamoGraphDeployment are checked \
here as far as they need no earlier state of the object. Of a definition given by `--crd`, or read with `--live`, its own \
expressions are evaluated, with the schema's defaults and in its words.",
};

pub(super) const RULE_UNCHECKED: Notice = Notice {
    id: "manifest-rule-unchecked",
    severity: Severity::Note,
    summary: "a rule of the definition was not evaluated",
    explain: "\
A definition given by `--crd`, or read with `--live`, holds rules in CEL. An API server asks them of objects that fit the \
schema: mend what does not, and check again. A rule that calls a function which is not known here, such as `ip` or `url`, \
is named with its message: the API server has the last word on it, `imgforge deploy apply --dry-run` asks for it. \
Rules about a change of an object (`oldSelf`) are not asked of a manifest and not told.",
};

pub(super) const RUNTIME_VERSION: Notice = Notice {
    id: "manifest-runtime-version",
    severity: Severity::Warning,
    summary: "nothing tells the operator which version of Dynamo the image has",
    explain: "\
The operator of Dynamo derives ports, probes and arguments from the version of Dynamo in the image. It takes it from \
the tag when that is a semantic version; with any other tag, or a digest alone, it refuses the deployment unless \
`runtimeVersionOverride` says it.

Set `runtime_version` under `[deploy]`: `imgforge deploy render` writes it for each component. In v1alpha1 this is a note, since \
the first operators did not ask.",
};

pub(super) const SCHEMA: Notice = Notice {
    id: "manifest-schema",
    severity: Severity::Error,
    summary: "an object is not what its definition asks for",
    explain: "\
An API server drops fields that it does not know unless it is asked to be strict: a misspelt `replica` leaves one replica, and \
nobody is told. Here unknown fields, wrong types, missing fields and values out of bounds are errors, as with \
`kubectl apply --validate=strict`. Of a field that only the other version of the API has, its name in this one is told.

The definition is that of the operator of August 2026, with v1alpha1 and v1beta1. For another operator give the \
cluster's own: `--crd FILE`, or `--live` to read it from there.",
};

pub(super) const START: Notice = Notice {
    id: "manifest-start",
    severity: Severity::Warning,
    summary: "something is installed or fetched each time that a container starts",
    explain: "\
`apt-get install` at start needs the network and root at that moment: in an image that runs as another user it fails, and a \
script without `set -e` goes on. Where it works, the pod runs what the archive has on that day, and a node without the \
network cannot start it. The same goes for pip, curl and `ldconfig`.

Put what is needed into the image. A shell that only starts the program is a note: it hides failures, and may not pass signals on.",
};

/// A file that holds no documents.
pub const SYNTAX: Notice = Notice {
    id: "manifest-syntax",
    severity: Severity::Error,
    summary: "a file is not YAML, says something twice or holds nothing",
    explain: "\
The file cannot be read as a list of objects: there is none in it, the syntax is broken, an object has a key twice (which strict API servers \
refuse, and others settle in favour of the last), or aliases make it larger than any manifest. Words mean what \
Kubernetes takes them for: `yes` and `on` without quotes are truth values, `0755` is a number.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_explain_themselves() {
        assert!(KINDS.windows(2).all(|pair| pair[0].id < pair[1].id));
        for kind in KINDS {
            assert!(kind.explain.len() > 200, "{}: too short to explain anything", kind.id);
            assert!(kind.id.starts_with("manifest-") && !kind.summary.ends_with('.'), "{}", kind.id);
        }
    }
}
