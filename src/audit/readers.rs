//! Who in an image reads an environment variable, as far as its files tell.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Case;
use crate::elf::Traits;
use crate::layer::Node;
use crate::loader::ObjectError;
use crate::oci::ImagePath;
use crate::python::Script;

/// Longest shell script that is looked at.
const SCRIPT: usize = 1 << 20;

/// Everything in an image that can read a variable.
pub(super) struct Readers<'a> {
    binaries: Vec<(&'a ImagePath, Arc<Traits>)>,
    scripts: Vec<(&'a ImagePath, Arc<Script>)>,
    shells: Vec<(&'a ImagePath, Vec<u8>)>,
}

impl<'a> Readers<'a> {
    /// Looks at every file of the tree.
    pub(super) fn new(case: &'a Case<'_>) -> Result<Self, ObjectError> {
        let view = case.loader.view;
        let mut readers =
            Self { binaries: Vec::new(), scripts: case.scripts().collect(), shells: Vec::new() };
        for (path, node) in view.tree.iter() {
            if !matches!(node.entry.node, Node::File(_)) {
                continue;
            }
            let name = String::from_utf8_lossy(path.name());
            if case.loader.catalogue.get(path).is_some() {
                readers.binaries.push((path, case.traits(path)?));
            } else if name.ends_with(".sh") || !name.contains('.') {
                let text = view.objects.bytes(path, node)?.filter(|text| text.len() <= SCRIPT);
                readers.shells.extend(text.map(|text| (path, text)));
            }
        }
        Ok(readers)
    }

    /// A file that reads the variable.
    pub(super) fn of(&self, name: &str) -> Option<&'a ImagePath> {
        let binary = self.binaries.iter().find(|(_, traits)| {
            let texts = &traits.texts;
            texts.variables.iter().any(|text| text.ends_with(name))
                || texts.words.iter().any(|text| is_word_of(name, text))
        });
        let script = || {
            let named = |text: &String| text == name || (text.ends_with('_') && name.starts_with(text));
            self.scripts.iter().find(|(_, script)| script.names.iter().any(named)).map(|(path, _)| *path)
        };
        let shell = || self.shells.iter().find(|(_, text)| mentions(text, name)).map(|(path, _)| *path);
        let made = || self.binaries.iter().find(|(_, traits)| makes(name, &traits.texts.parts));
        let binary = binary.map(|(path, _)| *path);
        binary.or_else(script).or_else(shell).or_else(|| made().map(|(path, _)| *path))
    }

    /// Every name that is there in full and begins with `prefix`.
    pub(super) fn known(&self, prefix: &str) -> BTreeSet<&str> {
        let texts = self.binaries.iter().flat_map(|(_, traits)| {
            traits.texts.variables.iter().chain(traits.texts.words.iter().filter(|word| word.len() <= 64))
        });
        let names = self.scripts.iter().flat_map(|(_, script)| &script.names);
        texts.chain(names).map(String::as_str).filter(|name| name.starts_with(prefix)).collect()
    }

    /// Parts of names that begin with `family` and are made at run time.
    pub(super) fn parts_of(&self, family: &str) -> BTreeSet<&str> {
        let parts = self.binaries.iter().flat_map(|(_, traits)| &traits.texts.parts).map(String::as_str);
        let small = |part: &&str| part.bytes().any(|byte| byte.is_ascii_lowercase());
        match family {
            "FI_" => parts.filter(small).collect(),
            "UCX_" => parts.filter(|part| !small(part)).collect(),
            _ => BTreeSet::new(),
        }
    }
}

/// Whether names that stand side by side in `text` have `name` among them, and not only as the beginning or the
/// end of a longer one; or a beginning of it that ends with `_`, to which the rest is added at run time.
fn is_word_of(name: &str, text: &str) -> bool {
    let family = name.find('_').map_or(name, |at| &name[..=at]);
    let mut starts = name.match_indices('_').map(|(at, _)| &name[..=at]).skip(1);
    let whole = text
        .match_indices(name)
        .any(|(at, _)| !text[..at].ends_with('_') && !text[at + name.len()..].starts_with('_'));
    whole
        || starts.any(|start| {
            text.match_indices(start).any(|(at, _)| {
                let rest = &text[at + start.len()..];
                rest.is_empty() || rest.starts_with(family)
            })
        })
}

/// Whether a shell script has `$NAME` or `${NAME`.
fn mentions(script: &[u8], name: &str) -> bool {
    ["$", "${", "${#", "${!"].iter().any(|start| {
        let wanted = format!("{start}{name}");
        let mut found =
            script.windows(wanted.len()).enumerate().filter(|(_, part)| *part == wanted.as_bytes());
        found.any(|(at, _)| {
            let next = script.get(at + wanted.len());
            next.is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_')
        })
    })
}

/// Whether a name can be put together from parts: `FI_` with a parameter, or with a provider and a parameter, in
/// small letters (`fi_param_define` of libfabric); `UCX_` with a field, or with a prefix that ends with `_` and a
/// field (`ucs_config_parser` of UCX). Of a string that is the end of another, only the longer is there.
pub(super) fn makes(name: &str, parts: &[String]) -> bool {
    let small = name.strip_prefix("FI_").map(str::to_ascii_lowercase);
    let Some(rest) = small.or_else(|| name.strip_prefix("UCX_").map(str::to_owned)) else {
        return false;
    };
    let has = |part: &str| !part.is_empty() && parts.iter().any(|known| known.ends_with(part));
    let keeps = name.starts_with("UCX_");
    has(&rest)
        || rest.match_indices('_').any(|(at, _)| {
            let first = if keeps { &rest[..=at] } else { &rest[..at] };
            has(first) && has(&rest[at + 1..])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_parts() {
        let parts = ["detect_hmem_iface", "efa", "enable_shm_transfer", "IB_", "ALL_TLS", "GPU_DIRECT_RDMA"];
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        for (name, want) in [
            ("FI_EFA_IFACE", true),
            ("FI_EFA_ENABLE_SHM_TRANSFER", true),
            ("FI_EFA_ENABLE_SHM", false),
            ("FI_EFA_INTERFACE", false),
            ("FI_", false),
            ("UCX_TLS", true),
            ("UCX_IB_GPU_DIRECT_RDMA", true),
            ("UCX_IB_GPU_DIRECT", false),
            ("UCX_EFA", false),
            ("NCCL_TLS", false),
        ] {
            assert_eq!(makes(name, &parts), want, "{name}");
        }
    }

    #[test]
    fn words_and_mentions_are_whole() {
        for (text, want) in [
            ("DYN_LOG", true),
            ("DYN_LOGDYN_LOG_LEVEL", true),
            ("DYN_LOG_LEVEL", false),
            ("MY_DYN_LOG", false),
        ] {
            assert_eq!(is_word_of("DYN_LOG", text), want, "{text}");
        }
        let made = [("DYN_RUNTIME_DYN_SYSTEM_", true), ("DYN_SYSTEM_", true), ("DYN_SYSTEM_PORT", false)];
        for (text, want) in made {
            assert_eq!(is_word_of("DYN_SYSTEM_HOST", text), want, "{text}");
        }
        for (text, want) in
            [("echo $A_B", true), ("${A_B:-1}", true), ("$A_BC", false), ("A_B=1", false), ("${#A_B}", true)]
        {
            assert_eq!(mentions(text.as_bytes(), "A_B"), want, "{text}");
        }
    }
}
