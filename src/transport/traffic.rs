//! How many bytes moved: what a build says of itself at its end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Counts of bytes, shared by all copies of the value. They only grow: what one piece of work moved is a difference.
///
/// Bodies are counted where they pass the wire: manifests, tokens, error texts, what was fetched and skipped, what
/// was sent and refused. Not counted: headers, TLS, and a body that was given up before anybody read it.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    sent: AtomicU64,
    read: AtomicU64,
}

impl Traffic {
    /// Bytes of bodies that registries, their token servers and storage hosts sent.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.counts.received.load(Relaxed)
    }

    /// Bytes of bodies that were sent to them.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.counts.sent.load(Relaxed)
    }

    /// Bytes that were read from layouts, archives and exports of an engine on this machine.
    #[must_use]
    pub fn read_locally(&self) -> u64 {
        self.counts.read.load(Relaxed)
    }

    pub(super) fn add_received(&self, bytes: usize) {
        self.counts.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn add_sent(&self, bytes: usize) {
        self.counts.sent.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn add_read(&self, bytes: usize) {
        self.counts.read.fetch_add(bytes as u64, Relaxed);
    }
}
