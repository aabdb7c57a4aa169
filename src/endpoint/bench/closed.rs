//! A closed load: each of a number of callers asks again as soon as it has its answer.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use tokio::task::JoinSet;

use super::run::Run;

/// After a failure a caller rests: a server that refuses at once would otherwise be asked as fast as it can refuse.
const REST: Duration = Duration::from_millis(20);

/// Drives the load to its end; whether it came to its end by itself.
pub(super) fn drive(run: &Arc<Run>, concurrency: usize) -> bool {
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let (run, next) = (run.clone(), next.clone());
        let handle = run.handle.clone();
        callers.spawn_on(
            async move {
                loop {
                    let now = Instant::now();
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !run.goes_on(number, now) {
                        return;
                    }
                    if !run.one(number, now).await {
                        tokio::time::sleep(REST).await;
                    }
                }
            },
            &handle,
        );
    }
    run.finish(callers)
}
