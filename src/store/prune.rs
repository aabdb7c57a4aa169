//! What goes when a store must be smaller or has old things in it.

use std::time::Duration;
use std::time::SystemTime;

use crate::store::Error;
use crate::store::Store;
use crate::store::inventory::Item;
use crate::store::inventory::Kind;

/// What may stay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// So many bytes in all.
    pub size: Option<u64>,
    /// What was used within this time.
    pub age: Option<Duration>,
}

/// What pruning comes to.
#[derive(Debug)]
pub struct Pruned {
    /// What goes, in the order in which it goes: the least recently used first.
    pub removed: Vec<Item>,
    /// What stays.
    pub kept: Vec<Item>,
}

impl Store {
    /// What would go, and what would stay, if the store was pruned now. Nothing is removed.
    ///
    /// # Errors
    /// When the store cannot be looked through.
    pub fn would_prune(&self, bounds: &Bounds) -> Result<Pruned, Error> {
        // What is in `tmp/` belongs to runs under way, and what is not the store's is not the store's to count.
        let counted = |item: &Item| !matches!(item.kind, Kind::Leftovers | Kind::Other);
        Ok(choose(self.inventory()?.into_iter().filter(counted).collect(), bounds, self.now))
    }
}

fn choose(mut items: Vec<Item>, bounds: &Bounds, now: SystemTime) -> Pruned {
    items.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let mut total: u64 = items.iter().map(|item| item.bytes).sum();
    let too_old = |item: &Item| {
        let since = now.duration_since(item.used).unwrap_or_default();
        bounds.age.is_some_and(|age| since > age)
    };
    let mut going = 0;
    for item in &items {
        if !too_old(item) && bounds.size.is_none_or(|size| total <= size) {
            break;
        }
        total -= item.bytes;
        going += 1;
    }
    let kept = items.split_off(going);
    Pruned { removed: items, kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(all: &[(&str, u64, u64)]) -> Vec<Item> {
        let item = |(path, bytes, second): &(&str, u64, u64)| Item {
            kind: Kind::Blobs,
            path: path.into(),
            bytes: *bytes,
            used: SystemTime::UNIX_EPOCH + Duration::from_secs(*second),
        };
        all.iter().map(item).collect()
    }

    #[test]
    fn the_least_recently_used_goes_until_both_bounds_hold() {
        let all = [("new", 5, 90), ("old", 3, 10), ("same-b", 2, 50), ("same-a", 4, 50)];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        for (size, age, want) in [
            (None, None, vec![]),
            (Some(14), None, vec![]),
            (Some(13), None, vec!["old"]),
            (Some(10), None, vec!["old", "same-a"]),
            (Some(0), None, vec!["old", "same-a", "same-b", "new"]),
            (None, Some(50), vec!["old"]),
            (None, Some(49), vec!["old", "same-a", "same-b"]),
            (Some(13), Some(49), vec!["old", "same-a", "same-b"]),
            (Some(5), Some(1000), vec!["old", "same-a", "same-b"]),
        ] {
            let bounds = Bounds { size, age: age.map(Duration::from_secs) };
            let pruned = choose(items(&all), &bounds, now);
            let gone: Vec<_> = pruned.removed.iter().map(|item| item.path.to_str().unwrap()).collect();
            assert_eq!(gone, want, "{bounds:?}");
            assert_eq!(pruned.kept.len() + gone.len(), all.len());
        }
    }
}
