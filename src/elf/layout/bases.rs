//! Direct bases of classes, out of type information (Itanium C++ ABI 2.9.5, `abi::__si_class_type_info` and
//! `abi::__vmi_class_type_info`).

use std::collections::BTreeMap;

use super::class;
use super::links::Links;
use super::marks::Marks;

/// Most bases of one class that are looked at.
const MOST: u64 = 64;

/// Bases by class. Type information that the linker tied without a symbol is not followed.
pub(super) fn read(marks: &Marks, links: &Links, names: &[u8]) -> BTreeMap<String, Vec<String>> {
    let class = |symbol: u32| marks.name(symbol, names).and_then(|name| name.strip_prefix("_ZTI"));
    let mut bases = BTreeMap::new();
    for (address, (length, symbol)) in &marks.infos {
        let Some(own) = class(*symbol).filter(|name| class::is_own(name)) else {
            continue;
        };
        let of = slots(*length).filter_map(|slot| links.infos.get(&address.checked_add(slot)?));
        let of: Vec<String> = of.filter_map(|base| class(*base)).map(str::to_owned).collect();
        if !of.is_empty() {
            bases.insert(own.to_owned(), of);
        }
    }
    bases
}

/// Where in type information of `length` bytes the addresses of its bases are: one base behind the address of
/// the name; of several, each with its offset, behind flags and a count.
fn slots(length: u64) -> impl Iterator<Item = u64> {
    let several = if length >= 40 { (length - 24) / 16 } else { 0 };
    let single = (length == 24).then_some(16);
    single.into_iter().chain((0..several.min(MOST)).map(|base| 24 + 16 * base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_bases_are() {
        for (length, want) in [(16, vec![]), (24, vec![16]), (40, vec![24]), (56, vec![24, 40])] {
            assert_eq!(slots(length).collect::<Vec<_>>(), want, "{length}");
        }
        assert_eq!(slots(u64::MAX).count(), 64);
    }
}
