//! Who in an image reads an environment variable, as far as its files tell.

use std::collections::BTreeSet;

use super::Case;
use super::endings::Endings;
use crate::elf::Texts;
use crate::layer::Node;
use crate::loader::ObjectError;

/// Longest shell script that is looked at.
const SCRIPT: usize = 1 << 20;

/// Everything in an image that can read a variable.
#[derive(Default)]
pub(super) struct Readers {
    /// Complete names in ELF files, and names in Rust and Go, side by side.
    variables: Endings,
    words: BTreeSet<String>,
    /// Names in Python.
    names: BTreeSet<String>,
    /// Shell scripts.
    shells: Vec<Vec<u8>>,
    /// Parts of names with `FI_`, and of names with `UCX_`.
    small: Endings,
    capital: Endings,
}

impl Readers {
    /// Looks at every file of the tree.
    pub(super) fn new(case: &Case<'_>) -> Result<Self, ObjectError> {
        let view = case.loader.view;
        let mut readers = Self::default();
        for (_, script) in case.scripts() {
            readers.names.extend(script.env.iter().chain(&script.names).cloned());
        }
        for (path, node) in view.tree.iter().filter(|(_, node)| matches!(node.entry.node, Node::File(_))) {
            let name = String::from_utf8_lossy(path.name());
            if case.loader.catalogue.get(path).is_some() {
                readers.binary(&case.traits(path)?.texts);
            } else if name.ends_with(".sh") || !name.contains('.') {
                let text = view.objects.bytes(path, node)?.filter(|text| text.len() <= SCRIPT);
                readers.shells.extend(text);
            }
        }
        Ok(readers)
    }

    fn binary(&mut self, texts: &Texts) {
        texts.variables.iter().for_each(|text| self.variables.add(text));
        self.words.extend(texts.words.iter().cloned());
        for part in &texts.parts {
            let small = part.bytes().any(|byte| byte.is_ascii_lowercase());
            if small { self.small.add(part) } else { self.capital.add(part) }
        }
    }

    /// Whether anything reads the variable.
    pub(super) fn read(&self, name: &str) -> bool {
        let begins = |text: &String| text == name || (text.ends_with('_') && name.starts_with(text));
        self.variables.has(name)
            || self.makes(name)
            || self.names.iter().any(begins)
            || self.words.iter().any(|text| is_word_of(name, text))
            || self.shells.iter().any(|text| mentions(text, name))
    }

    /// Every name that is there in full and begins with `family`.
    pub(super) fn known(&self, family: &str) -> BTreeSet<String> {
        let words = self.words.iter().filter(|word| word.len() <= 64).cloned();
        let all = self.variables.iter().chain(words).chain(self.names.iter().cloned());
        all.filter(|name| name.starts_with(family)).collect()
    }

    /// Parts of names that begin with `family` and are made at run time.
    pub(super) fn parts(&self, family: &str) -> Option<&Endings> {
        let parts = match family {
            "FI_" => &self.small,
            "UCX_" => &self.capital,
            _ => return None,
        };
        (!parts.is_empty()).then_some(parts)
    }

    fn makes(&self, name: &str) -> bool {
        let family = name.find('_').map_or(name, |at| &name[..=at]);
        self.parts(family).is_some_and(|parts| makes(name, parts))
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
fn makes(name: &str, parts: &Endings) -> bool {
    let small = name.strip_prefix("FI_").map(str::to_ascii_lowercase);
    let Some(rest) = small.or_else(|| name.strip_prefix("UCX_").map(str::to_owned)) else {
        return false;
    };
    let has = |part: &str| !part.is_empty() && parts.has(part);
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
        let mut known = Endings::default();
        parts.iter().for_each(|part| known.add(part));
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
            assert_eq!(makes(name, &known), want, "{name}");
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
