//! Ctrl-C, SIGTERM and SIGHUP: the first may be heard by work that can end well, the second never is.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::store::scratch;

/// The work that wants to be asked first.
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Half-made files go, finished blobs stay for the next run.
pub fn end_cleanly_on_signals() {
    let handler = || {
        if ASKED.get().is_some_and(|stop| !stop.swap(true, Ordering::Relaxed)) {
            return;
        }
        scratch::sweep();
        #[expect(clippy::exit, reason = "128 + SIGINT: the work is in other threads and cannot be unwound")]
        std::process::exit(130);
    };
    // Without a handler the default action ends the process all the same.
    drop(ctrlc::set_handler(handler));
}

/// A wish to stop that work looks at from now on: the first signal makes it true and does nothing else.
#[must_use]
pub fn ask_first() -> Arc<AtomicBool> {
    ASKED.get_or_init(Arc::default).clone()
}
