//! The real name that a wrong one was meant to be.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::endings::Endings;

/// From here on two names are close enough to be told, in percent.
const CLOSE: usize = 55;

/// The name of `known` that is nearest to `name`, or one that can be made from `parts`; none when all are far.
pub(super) fn nearest(name: &str, known: &BTreeSet<String>, parts: Option<&Endings>) -> Option<String> {
    let made = parts.map(|parts| made(name, parts)).unwrap_or_default();
    let scored = known.iter().chain(&made).map(|other| (likeness(name, other), other));
    let best = scored.filter(|(score, _)| *score >= CLOSE);
    let best = best.max_by_key(|(score, other)| (*score, Reverse(other.len()), Reverse(*other)));
    best.map(|(_, other)| other.clone())
}

/// Names that libfabric or UCX could make, with the same beginning as `name`.
fn made(name: &str, parts: &Endings) -> Vec<String> {
    let Some((family, rest)) = name.split_once('_') else {
        return Vec::new();
    };
    let all: Vec<String> = parts.iter().map(|part| part.to_ascii_uppercase()).collect();
    let mut made = Vec::new();
    for end in std::iter::once(0).chain(rest.match_indices('_').map(|(at, _)| at + 1)) {
        let head = &rest[..end];
        let part =
            if family == "FI" { head.trim_end_matches('_').to_ascii_lowercase() } else { head.to_owned() };
        if part.is_empty() || parts.has(&part) {
            made.extend(all.iter().map(|part| format!("{family}_{head}{part}")));
        }
    }
    made
}

/// How alike two names are, in percent: their words in any order, a word and its beginning counting as alike.
fn likeness(one: &str, other: &str) -> usize {
    let words = |name: &'_ str| name.split('_').map(str::to_owned).collect::<Vec<_>>();
    let (left, mut right) = (words(one), words(other));
    let all = left.len() + right.len();
    let mut shared = 0;
    for word in &left {
        if let Some(at) = right.iter().position(|other| alike(word, other)) {
            right.swap_remove(at);
            shared += 2;
        }
    }
    // What all names of a family share says nothing, and one word more could be chance.
    if shared <= 4 { 0 } else { (shared - 2) * 100 / (all - 2) }
}

/// The same word, in another form at most: `DISABLE` and `DISABLED`, `TLS` and `TL`.
fn alike(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short == long || (short.len() >= 4 && long.starts_with(short) && long.len() - short.len() <= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_name_is_found() {
        let known = ["NIXL_PLUGIN_DIR", "NIXL_LOG_LEVEL", "NIXL_TELEMETRY_ENABLE"];
        let known = known.map(str::to_owned).into_iter().collect();
        let mut parts = Endings::default();
        for part in ["efa", "enable_shm_transfer", "hmem_disable_p2p", "iface", "hmem", "tx_size"] {
            parts.add(part);
        }
        for (name, want) in [
            ("FI_EFA_ENABLE_SHM", Some("FI_EFA_ENABLE_SHM_TRANSFER")),
            ("FI_HMEM_P2P_DISABLED", Some("FI_HMEM_DISABLE_P2P")),
            ("NIXL_PLUGINS_DIR", Some("NIXL_PLUGIN_DIR")),
            ("NIXL_SKIP_TOPOLOGY_CHECK", None),
            ("NIXL_TELEMETRY", None),
            ("FI_EFA_DEV_LIST", None),
        ] {
            assert_eq!(nearest(name, &known, Some(&parts)).as_deref(), want, "{name}");
        }
    }
}
