//! An open load: requests are sent at times that do not depend on any answer.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::random::Random;
use super::run::Run;

/// The longest sleep: how soon a wish to stop is heard.
const GLANCE: Duration = Duration::from_millis(50);
/// How long to wait for a place among the requests under way before looking again.
const FULL: Duration = Duration::from_millis(1);

/// Drives the load to its end; whether it came to its end by itself.
///
/// The thread itself keeps the time: it sleeps to within some 0.1 ms, a timer of the runtime to 1 ms.
pub(super) fn drive(run: &Arc<Run>, rate: f64) -> bool {
    let begun = Instant::now();
    let mut random = Random::new(run.plan.seed);
    let places = Arc::new(Semaphore::new(run.plan.most));
    let mut requests = JoinSet::new();
    let mut at = 0.0;
    for number in 0.. {
        at += random.gap(rate);
        // A time that no clock reaches is the end of it.
        let meant = Duration::try_from_secs_f64(at).ok().and_then(|after| begun.checked_add(after));
        let Some(meant) = meant.filter(|meant| run.goes_on(number, *meant)) else {
            break;
        };
        if !sleep_until(run, meant) {
            break;
        }
        let place = loop {
            match places.clone().try_acquire_owned() {
                Ok(place) => break Some(place),
                Err(_) if run.stopped() => break None,
                Err(_) => std::thread::sleep(FULL),
            }
        };
        let mine = run.clone();
        let request = async move {
            mine.one(number, meant).await;
            drop(place);
        };
        requests.spawn_on(request, &run.handle);
        while requests.try_join_next().is_some() {}
    }
    run.finish(requests)
}

/// Whether that time came before a wish to stop.
fn sleep_until(run: &Run, time: Instant) -> bool {
    loop {
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        if run.stopped() {
            return false;
        }
        std::thread::sleep(left.min(GLANCE));
    }
}
