//! Several things at once, and as few of them as serve.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// Most that is done at once: each holds some MiB, and a place has its own bounds for what is asked at once.
const AT_ONCE: usize = 8;

/// Does the work of each part, some of them at a time, and puts together what comes of it. After one has failed, none is
/// begun.
///
/// # Errors
/// Of the failures the one of the first part.
pub fn side_by_side<P: Sync, K: Ord + Send, V: Send, E: Send>(
    parts: &[P],
    work: impl Fn(&P) -> Result<BTreeMap<K, V>, E> + Sync,
) -> Result<BTreeMap<K, V>, E> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut found = BTreeMap::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(number) else { return Ok(found) };
            match work(part) {
                Ok(mut done) => found.append(&mut done),
                Err(error) => {
                    next.store(parts.len(), Ordering::Relaxed);
                    return Err((number, error));
                }
            }
        }
    };
    if parts.len() < 2 {
        return some().map_err(|(_, error)| error);
    }
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.iter().take(AT_ONCE).map(|_| scope.spawn(some)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let (mut found, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for result in results {
        match result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            Ok(mut done) => found.append(&mut done),
            Err((number, error)) => drop(failed.insert(number, error)),
        }
    }
    failed.pop_first().map_or(Ok(found), |(_, error)| Err(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_done_once_and_no_more_than_some_at_a_time() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let parts: Vec<usize> = (0..100).collect();
        let done = side_by_side(&parts, |part| {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, ()>(BTreeMap::from([(*part, 2 * part)]))
        });
        assert_eq!(done, Ok(parts.iter().map(|part| (*part, 2 * part)).collect()));
        assert!(most.into_inner() <= AT_ONCE);
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let begun = AtomicUsize::new(0);
        let parts: Vec<usize> = (0..10_000).collect();
        let done = side_by_side(&parts, |part| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *part == 3 { Err("three") } else { Ok(BTreeMap::from([(*part, ())])) }
        });
        assert_eq!(done, Err("three"));
        assert!(begun.into_inner() < parts.len());
    }
}
