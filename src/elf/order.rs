//! Sorting symbols by name: many names, most of which begin alike.

/// Bytes of a name that are compared before the rest of it has to be fetched.
const START: usize = 40;

/// Sorts by name; what has the same name keeps its order.
pub(super) fn by_name<T>(symbols: &mut [T], name: fn(&T) -> &str) {
    symbols.sort_by_cached_key(|symbol| start(name(symbol)));
    for alike in symbols.chunk_by_mut(|a, b| start(name(a)) == start(name(b))) {
        alike.sort_by(|a, b| name(a).cmp(name(b)));
    }
}

/// The beginning of a name, as numbers in the order of its bytes.
fn start(name: &str) -> [u64; START / 8] {
    let mut numbers = [0; START / 8];
    for (number, bytes) in numbers.iter_mut().zip(name.as_bytes().chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *number = u64::from_be_bytes(whole);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_names() {
        let long = "x".repeat(START);
        let names = ["b", "", "a", "ab", "b", "é", "aaaaaaaa", "aaaaaaaab"].map(str::to_owned);
        let names = names.into_iter().chain(["2", "", "10", "1"].map(|end| format!("{long}{end}")));
        let mut numbered: Vec<(String, usize)> = names.zip(0..).collect();
        let mut want = numbered.clone();
        want.sort();
        by_name(&mut numbered, |(name, _)| name);
        assert_eq!(numbered, want);
    }
}
