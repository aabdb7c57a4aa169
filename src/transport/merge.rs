//! Wanted parts of one blob, as few reads: what lies between near neighbours is cheaper to read than to skip.
//!
//! Pure data: it opens nothing. [`crate::transport::Source::open_range`] reads what comes out.

use std::ops::Range;

/// A gap up to which two reads cost more than the bytes between them: a request is worth about that much.
pub const GAP: u64 = 256 << 10;

/// One read, and which of the wanted ranges it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What to read.
    pub range: Range<u64>,
    /// Positions in the list of wanted ranges, in the order in which the ranges begin.
    pub holds: Vec<usize>,
}

/// The reads that bring all of `wanted`: ascending, apart from each other, each range whole in one of them. Ranges
/// that touch, overlap, or have less than `gap` bytes between them share a read. Empty ones count as their first byte's place.
#[must_use]
pub fn merge(wanted: &[Range<u64>], gap: u64) -> Vec<Merged> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&position| (wanted[position].start, wanted[position].end));
    let mut reads: Vec<Merged> = Vec::new();
    for position in order {
        let range = &wanted[position];
        match reads.last_mut() {
            Some(last) if near(last.range.end, range.start, gap) => {
                last.range.end = last.range.end.max(range.end);
                last.holds.push(position);
            }
            _ => reads.push(Merged { range: range.clone(), holds: vec![position] }),
        }
    }
    reads
}

fn near(end: u64, start: u64, gap: u64) -> bool {
    start <= end || start - end < gap
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::prop_assert_eq;
    use proptest::proptest;

    use super::*;

    fn merged(wanted: &[Range<u64>], gap: u64) -> Vec<(Range<u64>, Vec<usize>)> {
        merge(wanted, gap).into_iter().map(|read| (read.range, read.holds)).collect()
    }

    #[test]
    fn neighbours_share_a_read_when_the_gap_is_under_the_bound() {
        assert_eq!(merged(&[0..10, 19..20], 10), [(0..20, vec![0, 1])]);
        assert_eq!(merged(&[0..10, 20..21], 10), [(0..10, vec![0]), (20..21, vec![1])]);
    }

    #[test]
    fn order_overlaps_and_repeats_do_not_matter() {
        assert_eq!(
            merged(&[50..60, 0..9, 0..30, 5..7, 50..60], 0),
            [(0..30, vec![1, 2, 3]), (50..60, vec![0, 4])]
        );
        assert_eq!(merged(&[5..9, 0..5], 0), [(0..9, vec![1, 0])], "touching is no gap");
    }

    #[test]
    fn nothing_wanted_is_nothing_read() {
        assert_eq!(merged(&[], GAP), []);
        assert_eq!(merged(&[7..7, 7..7], GAP), [(7..7, vec![0, 1])]);
        assert_eq!(merged(&[u64::MAX - 1..u64::MAX, 0..1], GAP).len(), 2);
    }

    proptest! {
        #[test]
        fn all_is_held_once_and_no_gap_is_small(
            wanted in proptest::collection::vec((0u64..2000, 1u64..100), 0..40),
            gap in any::<u8>(),
        ) {
            let wanted: Vec<Range<u64>> = wanted.into_iter().map(|(start, length)| start..start + length).collect();
            let reads = merge(&wanted, gap.into());
            let mut held: Vec<usize> = reads.iter().flat_map(|read| read.holds.clone()).collect();
            held.sort_unstable();
            prop_assert_eq!(held, (0..wanted.len()).collect::<Vec<_>>());
            for read in &reads {
                prop_assert_eq!(read.range.start, read.holds.iter().map(|&at| wanted[at].start).min().unwrap());
                prop_assert_eq!(read.range.end, read.holds.iter().map(|&at| wanted[at].end).max().unwrap());
            }
            for pair in reads.windows(2) {
                prop_assert!(pair[1].range.start >= pair[0].range.end + u64::from(gap).max(1));
            }
        }
    }
}
