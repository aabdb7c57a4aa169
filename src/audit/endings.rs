//! Strings that are looked up by how they end.

use std::collections::BTreeSet;

/// A set of texts in which the ends of texts are found as fast as the whole.
#[derive(Debug, Default)]
pub(super) struct Endings {
    /// Every text, last byte first.
    backwards: BTreeSet<Vec<u8>>,
}

impl Endings {
    /// Adds a text.
    pub(super) fn add(&mut self, text: &str) {
        self.backwards.insert(text.bytes().rev().collect());
    }

    /// Whether a text of the set is `end`, or ends with it.
    pub(super) fn has(&self, end: &str) -> bool {
        let wanted: Vec<u8> = end.bytes().rev().collect();
        let mut from = self.backwards.range(wanted.clone()..);
        from.next().is_some_and(|text| text.starts_with(&wanted))
    }

    /// Every text of the set.
    pub(super) fn iter(&self) -> impl Iterator<Item = String> {
        let forwards = |text: &Vec<u8>| text.iter().rev().copied().collect::<Vec<u8>>();
        self.backwards.iter().map(move |text| String::from_utf8_lossy(&forwards(text)).into_owned())
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.backwards.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found() {
        let mut endings = Endings::default();
        for text in ["detect_hmem_iface", "efa", "é"] {
            endings.add(text);
        }
        for (end, want) in [("iface", true), ("efa", true), ("xefa", false), ("hmem", false), ("é", true)] {
            assert_eq!(endings.has(end), want, "{end}");
        }
        assert_eq!(
            endings.iter().collect::<BTreeSet<_>>(),
            BTreeSet::from(["detect_hmem_iface", "efa", "é"].map(str::to_owned))
        );
    }
}
