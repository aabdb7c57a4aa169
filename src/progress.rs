//! How long work reports itself. The library is silent: what is shown, and whether, is the caller's choice.

/// Receives the progress of long work, from several threads at once.
pub trait Progress: Send + Sync {
    /// Begins a task called `what`; `total` is in bytes, `None` when it cannot be known.
    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Task>;

    /// Begins a task that is counted in things of its own, such as requests, and not in bytes.
    fn begin_count(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        self.begin(what, total)
    }
}

/// One piece of work under way. It ends when it is dropped.
pub trait Task: Send {
    /// Adds `bytes`, or as many of what is counted, to what is done.
    fn advance(&self, bytes: u64);

    /// Whether the work is to end before it is done. Who asks ends soon after a yes, and leaves what is worth it.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: Option<u64>) -> Box<dyn Task> {
        Box::new(Self)
    }
}

impl Task for Silent {
    fn advance(&self, _bytes: u64) {}
}
