//! Environment variables that nothing in the image reads.

use std::collections::BTreeMap;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::nearest::nearest;
use crate::audit::readers::Readers;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "setting-unread",
    summary: "nothing in the image reads an environment variable that is set",
    severity: Severity::Warning,
    explain: "\
A misspelt variable is no error: libraries read the names they know and never look at the others, so a setting \
that circulates under a wrong name seems to work for years. A variable counts as read when its name stands in \
the read-only data of an ELF file, in quotes in Python, or as `$NAME` in a shell script. libfabric and UCX make \
names at run time, from a provider and a parameter (`FI_EFA_IFACE` of `efa` and `iface`) or from a prefix and a \
field (`UCX_IB_GPU_DIRECT_RDMA`): there the parts count.

Told are variables that the recipe sets, and of the others those of FI_, UCX_, NIXL_, NCCL_, TRTLLM_ and DYN_. Of \
a family that nothing in the image reads at all a note is made: the reader may be mounted or installed later. \
What the system, the shell, Python and the container runtime read is never told, nor are names without `_`.

To fix it, use the real name, or take the line out. If something outside the image reads the variable, allow the \
finding and say what does.",
    example: include_str!("../../../fixtures/checks/setting-unread/expected.txt"),
    run,
};

/// Families that are told even when the recipe does not set them.
const FAMILIES: [&str; 6] = ["FI_", "UCX_", "NIXL_", "NCCL_", "TRTLLM_", "DYN_"];
/// Families that are read outside the image or before anything of it runs.
const AMBIENT: [&str; 20] = [
    "LD_",
    "LC_",
    "PYTHON",
    "PIP_",
    "UV_",
    "CUDA_",
    "NVIDIA_",
    "NV_",
    "MALLOC_",
    "GLIBC_",
    "GLIBCXX_",
    "DEBIAN_",
    "SSL_",
    "XDG_",
    "VIRTUAL_",
    "KUBERNETES_",
    "OTEL_",
    "AWS_",
    "BASH_",
    "PS1_",
];

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let own = &case.options.settings;
    let wanted: BTreeMap<&str, bool> = case
        .loader
        .view
        .env
        .keys()
        .map(|name| (name.as_str(), own.contains_key(name)))
        .filter(|(name, own)| can_be_told(name, *own))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let readers = Readers::new(case)?;
    for (name, own) in wanted {
        if !readers.read(name) {
            findings.add(unread(case, &readers, name, own), Vec::new());
        }
    }
    Ok(())
}

/// Whether the absence of a name in all files says anything.
fn can_be_told(name: &str, own: bool) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let shaped = name.len() >= 4 && name.bytes().all(plain) && name[..name.len() - 1].contains('_');
    let begins = |families: &[&str]| families.iter().any(|family| name.starts_with(family));
    shaped && !begins(&AMBIENT) && (own || begins(&FAMILIES))
}

fn unread(case: &Case<'_>, readers: &Readers, name: &str, own: bool) -> Finding {
    let family = name.find('_').map_or(name, |at| &name[..=at]);
    let known = readers.known(family);
    let parts = readers.parts(family);
    let present = !known.is_empty() || parts.is_some();
    let (severity, message) = if !present {
        (Severity::Note, format!("is set, and nothing in the image reads any `{family}*`"))
    } else if own {
        (Severity::Warning, "is set, and nothing in the image reads it".to_owned())
    } else {
        (Severity::Note, "is set, and nothing in the image reads it".to_owned())
    };
    let mut finding = Finding::new(CHECK.id, severity, "", message);
    finding.symbol = Some(name.to_owned());
    if let Some(value) = case.loader.view.env.get(name) {
        finding.evidence.insert("value".to_owned(), value.clone());
    }
    if present {
        finding.help = Some(match nearest(name, &known, parts) {
            Some(other) => {
                finding.evidence.insert("nearest".to_owned(), other.clone());
                format!("the nearest name that is read is `{other}`")
            }
            None => "take it out, or allow it and say who outside the image reads it".to_owned(),
        });
    }
    finding.recipe = case.options.settings.get(name).cloned();
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_could_be_found_are_told() {
        for (name, own, want) in [
            ("FI_EFA_SHM", false, true),
            ("MY_SETTING", true, true),
            ("MY_SETTING", false, false),
            ("PATH", true, false),
            ("LD_PRELOAD", true, false),
            ("http_proxy", true, false),
            ("CUDA_VISIBLE_DEVICES", true, false),
        ] {
            assert_eq!(can_be_told(name, own), want, "{name} {own}");
        }
    }
}
