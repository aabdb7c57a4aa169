//! What lies in the cache, and what pruning and repairing it came to.

pub mod human;
pub mod json;

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::store::inventory::Item;
use crate::store::inventory::Kind;

/// The files of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Their length in bytes.
    pub bytes: u64,
    /// The least recent use.
    pub oldest: SystemTime,
    /// The most recent use.
    pub newest: SystemTime,
}

/// The items by kind.
#[must_use]
pub fn by_kind<'a>(items: impl IntoIterator<Item = &'a Item>) -> BTreeMap<Kind, Share> {
    let mut shares: BTreeMap<Kind, Share> = BTreeMap::new();
    for item in items {
        let empty = Share { count: 0, bytes: 0, oldest: item.used, newest: item.used };
        let share = shares.entry(item.kind.clone()).or_insert(empty);
        share.count += 1;
        share.bytes += item.bytes;
        share.oldest = share.oldest.min(item.used);
        share.newest = share.newest.max(item.used);
    }
    shares
}

/// All of them together; `None` when there are none.
#[must_use]
pub fn total(shares: &BTreeMap<Kind, Share>) -> Option<Share> {
    shares.values().copied().reduce(|sum, share| Share {
        count: sum.count + share.count,
        bytes: sum.bytes + share.bytes,
        oldest: sum.oldest.min(share.oldest),
        newest: sum.newest.max(share.newest),
    })
}

/// A time in UTC to the second; empty for one that no calendar has.
fn time(time: SystemTime) -> String {
    let second = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let stamp = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    stamp.map(|stamp| stamp.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn shares_add_up() {
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let item = |kind: &Kind, bytes, second| Item {
            kind: kind.clone(),
            path: "x".into(),
            bytes,
            used: at(second),
        };
        let note = Kind::Notes("a-1".into());
        let items = [item(&Kind::Blobs, 5, 20), item(&note, 7, 90), item(&Kind::Blobs, 6, 10)];
        let shares = by_kind(&items);
        let blobs = Share { count: 2, bytes: 11, oldest: at(10), newest: at(20) };
        assert_eq!(shares[&Kind::Blobs], blobs);
        assert_eq!(total(&shares), Some(Share { count: 3, bytes: 18, oldest: at(10), newest: at(90) }));
        assert_eq!(total(&BTreeMap::new()), None);
        assert_eq!(time(at(1_000_000_000)), "2001-09-09T01:46:40Z");
    }
}
