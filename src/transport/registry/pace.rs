//! How many pieces of blobs are fetched at once: half as many when a registry says it is too much, slowly more again
//! when it goes well (additive increase, multiplicative decrease).

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// Admits pieces. One for all registries of a process, for it bounds the memory too: a piece that is done waits in
/// memory until its turn comes.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many may be out now.
    limit: usize,
    /// How many are.
    out: usize,
    /// Pieces that went well since `limit` changed.
    good: usize,
    /// Nothing is admitted before this.
    pause: Option<Instant>,
}

/// One piece's leave to be fetched and held. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Leave {
    pace: Arc<Pace>,
}

impl Pace {
    /// Admits at most `most` pieces, and so many to begin with.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::new(State { limit: most, out: 0, good: 0, pause: None }) }
    }

    /// Leave for one more piece, if there is room now. Nobody waits for it: a reader that gets none can still fetch
    /// the piece that it needs next, without holding it.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Leave> {
        let mut state = self.state();
        if state.out >= state.limit || state.pause.is_some_and(|pause| Instant::now() < pause) {
            return None;
        }
        state.out += 1;
        Some(Leave { pace: self.clone() })
    }

    /// A registry said that it is too much, and perhaps how long to leave it alone.
    pub(super) fn slower(&self, advice: Option<Duration>) {
        let mut state = self.state();
        state.limit /= 2;
        state.good = 0;
        let until = advice.and_then(|advice| Instant::now().checked_add(advice));
        state.pause = state.pause.max(until);
    }

    /// A piece went well. As many as are allowed at once allow one more.
    pub(super) fn good(&self) {
        let mut state = self.state();
        state.good += 1;
        if state.good > state.limit {
            state.limit = (state.limit + 1).min(self.most);
            state.good = 0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.pace.state().out -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(pace: &Arc<Pace>) -> usize {
        std::iter::from_fn(|| pace.admit()).collect::<Vec<_>>().len()
    }

    #[test]
    fn no_more_are_out_than_are_allowed() {
        let pace = Arc::new(Pace::new(3));
        let held: Vec<Leave> = std::iter::from_fn(|| pace.admit()).collect();
        assert_eq!(held.len(), 3);
        drop(held);
        assert_eq!(room(&pace), 3, "a leave ends when it is dropped");
    }

    #[test]
    fn refusals_halve_and_successes_add_one() {
        let pace = Arc::new(Pace::new(6));
        let halved = [3, 1, 0, 0].map(|want| {
            pace.slower(None);
            (room(&pace), want)
        });
        assert!(halved.iter().all(|(have, want)| have == want), "{halved:?}");
        let mut needed = Vec::new();
        while room(&pace) < 6 {
            let before = room(&pace);
            let pieces =
                std::iter::repeat_with(|| pace.good()).take_while(|()| room(&pace) == before).count();
            needed.push(pieces + 1);
        }
        assert_eq!(needed, [1, 2, 3, 4, 5, 6], "the more at once, the slower it grows");
        (0..100).for_each(|_| pace.good());
        assert_eq!(room(&pace), 6);
    }

    /// RFC 9110 §10.2.3: who said `Retry-After` is left alone that long.
    #[test]
    fn a_pause_admits_nobody() {
        let pace = Arc::new(Pace::new(6));
        pace.slower(Some(Duration::from_secs(600)));
        pace.slower(Some(Duration::ZERO));
        assert_eq!(room(&pace), 0, "the longer wait counts");
        let pace = Arc::new(Pace::new(6));
        pace.slower(Some(Duration::ZERO));
        assert_eq!(room(&pace), 3);
    }
}
