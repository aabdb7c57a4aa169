//! Ctrl-C, SIGTERM and SIGHUP: the first may be heard by work that can end well, the second never is.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use crate::store::scratch;

/// The work that wants to be asked first.
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Whether a signal has come while there was work that heeds.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// How much work heeds, and would leave something for the next run.
static HEEDING: AtomicUsize = AtomicUsize::new(0);
/// How long such work is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Half-made files go; finished blobs stay for the next run, and so does what heeding work leaves.
pub fn end_cleanly_on_signals() {
    let handler = || {
        if ASKED.get().is_some_and(|stop| !stop.swap(true, Ordering::Relaxed)) {
            return;
        }
        let first = HEEDING.load(Ordering::SeqCst) > 0 && !STOPPED.swap(true, Ordering::SeqCst);
        // Waiting is for another thread: the next signal is heard by this one.
        if !first || std::thread::Builder::new().spawn(end_after_work).is_err() {
            end();
        }
    };
    // Without a handler the default action ends the process all the same.
    drop(ctrlc::set_handler(handler));
}

fn end_after_work() {
    let begun = Instant::now();
    while HEEDING.load(Ordering::SeqCst) > 0 && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    end();
}

fn end() -> ! {
    scratch::sweep();
    #[expect(clippy::exit, reason = "128 + SIGINT: the work is in other threads and cannot be unwound")]
    std::process::exit(130);
}

/// A wish to stop that work looks at from now on: the first signal makes it true and does nothing else.
#[must_use]
pub fn ask_first() -> Arc<AtomicBool> {
    ASKED.get_or_init(Arc::default).clone()
}

/// Work that can be asked to stop. The first signal waits until all of it is over.
pub(super) struct Heeding(());

impl Heeding {
    pub(super) fn begin() -> Self {
        HEEDING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// Whether it was.
    #[expect(clippy::unused_self, reason = "only work that is waited for may ask")]
    pub(super) fn is_asked_to_stop(&self) -> bool {
        STOPPED.load(Ordering::SeqCst)
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        HEEDING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns when no signal has come, and else never: what became of work that was stopped is nothing to tell.
pub(super) fn wait_for_the_end() {
    while STOPPED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
