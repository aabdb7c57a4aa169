//! An index over the names that a file defines: most lookups of a process ask files that do not have the name.

use std::sync::OnceLock;

use super::Defined;

/// Made when first asked, and no part of the file's facts: two tables with the same definitions are equal.
#[derive(Debug, Clone, Default)]
pub struct Names(OnceLock<Index>);

#[derive(Debug, Clone)]
struct Index {
    /// A bit for each hash, modulo a power of two of at least sixteen times as many: nine of ten absent names
    /// end here.
    filter: Vec<u64>,
    /// Hash of a name and where its definitions begin, sorted.
    starts: Vec<(u32, u32)>,
}

impl PartialEq for Names {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Names {}

impl Names {
    /// The definitions called `name`, whose [`hash`] the caller knows; `defined` is sorted by name and always the same.
    pub(super) fn find<'d>(&self, defined: &'d [Defined], name: &str, hash: u32) -> &'d [Defined] {
        let index = self.0.get_or_init(|| Index::new(defined));
        let bit = index.bit(hash);
        if index.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return &[];
        }
        let first = index.starts.partition_point(|(other, _)| *other < hash);
        let mut same = index.starts[first..].iter().take_while(|(other, _)| *other == hash);
        let start = same.find_map(|(_, start)| {
            let rest = defined.get(*start as usize..)?;
            (rest.first()?.name == *name).then_some(rest)
        });
        let rest = start.unwrap_or_default();
        let count = rest.iter().take_while(|defined| defined.name == *name).count();
        &rest[..count]
    }
}

impl Index {
    fn new(defined: &[Defined]) -> Self {
        let mut starts = Vec::with_capacity(defined.len());
        let mut last = None;
        for (at, symbol) in (0..).zip(defined) {
            if last != Some(symbol.name.as_str()) {
                starts.push((hash(&symbol.name), at));
                last = Some(symbol.name.as_str());
            }
        }
        starts.sort_unstable();
        let words = (starts.len() / 4).next_power_of_two();
        let mut index = Self { filter: vec![0; words], starts };
        for at in 0..index.starts.len() {
            let bit = index.bit(index.starts[at].0);
            index.filter[bit / 64] |= 1 << (bit % 64);
        }
        index
    }

    const fn bit(&self, hash: u32) -> usize {
        hash as usize & (self.filter.len() * 64 - 1)
    }
}

/// The hash of a symbol's name, eight bytes at a time. It is kept nowhere: that of `DT_GNU_HASH` is four times as slow.
#[must_use]
pub fn hash(name: &str) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mix = |sum: u64, word: &[u8; 8]| (sum.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD);
    (words.iter().chain([&last]).fold(name.len() as u64, mix) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_almost_the_same_have_other_hashes() {
        let long = "_ZN5torch8autograd8generated12AddBackward";
        let names = (0..long.len()).map(|cut| format!("{}x{}", &long[..cut], &long[cut..]));
        let names = names
            .chain((0..1000).map(|n| format!("{long}{n}")))
            .chain(["", "\0", "a", "a\0"].map(str::to_owned));
        let names: std::collections::BTreeSet<String> = names.collect();
        let mut hashes: Vec<u32> = names.iter().map(|name| hash(name)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), names.len());
    }

    #[test]
    fn every_definition_is_found_and_nothing_else() {
        let name = |n: usize| format!("f{}", n / 2);
        let symbol = |n| Defined { name: name(n).as_str().into(), index: n as u16, ..Defined::default() };
        let mut defined: Vec<Defined> = (0..2000).map(symbol).collect();
        defined.sort_by(|a, b| a.name.cmp(&b.name));
        let names = Names::default();
        for n in 0..1000 {
            let name = format!("f{n}");
            let found = names.find(&defined, &name, hash(&name));
            assert_eq!(found.iter().map(|d| usize::from(d.index)).collect::<Vec<_>>(), [2 * n, 2 * n + 1]);
        }
        for absent in ["", "f", "f1000", "g1", "f01"] {
            assert!(names.find(&defined, absent, hash(absent)).is_empty(), "{absent}");
        }
        assert!(Names::default().find(&[], "f", hash("f")).is_empty());
    }
}
