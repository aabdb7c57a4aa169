//! What a pass that was cut off leaves for the next one, so that it begins where this one ended.
//!
//! Only of gzip layers, whose decoder has restart points, and only where the connection failed: bytes that are wrong are
//! nothing to build on. Nothing of it is believed before the end: the hashes go on from their states, and the pass that
//! gets to the end of the blob compares the digest of all of it as any other does.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::blob::Anchor;
use super::blob::Passed;
use super::extracts::Extract;
use super::learned::Learned;
use crate::deflate::Handle;
use crate::deflate::Restart;
use crate::layer::decode::Progress;
use crate::oci::digest::HashState;
use crate::oci::digest::Hasher;

/// Where a stream can be taken up again.
pub(super) struct Halt {
    /// What has passed of the blob before the first byte that is read again.
    pub(super) passed: Passed,
    /// Where decoding begins.
    pub(super) restart: Restart,
    /// The first byte of the tar that was not looked at.
    pub(super) position: u64,
    /// The hash of the tar, which is ahead of that.
    pub(super) hasher: Hasher,
    /// What was noted on the way.
    pub(super) before: Before,
}

/// What was noted of the way up to a restart point, and what was asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) restarts: Vec<Restart>,
    pub(super) ends: BTreeMap<u64, u64>,
    /// Files that have a restart point of their own: offset and size.
    pub(super) asked: Vec<(u64, u64)>,
}

impl Before {
    /// Asks a decoder that begins at `out` for what was asked for and may not have been answered.
    pub(super) fn ask_again(&self, handle: &Handle, out: u64) {
        for (offset, size) in &self.asked {
            if *offset >= out {
                handle.mark(*offset);
            }
            for end in [*offset, offset + size].into_iter().filter(|end| *end > out) {
                handle.end(end);
            }
        }
    }

    /// With what the decoder has noted since: all that is known of the way.
    pub(super) fn with(&self, handle: &Handle) -> (Vec<Restart>, BTreeMap<u64, u64>) {
        let known = self.restarts.iter().cloned().chain(handle.restarts());
        let restarts: BTreeMap<u64, Restart> = known.map(|restart| (restart.out, restart)).collect();
        let mut ends = self.ends.clone();
        ends.extend(handle.ends());
        (restarts.into_values().collect(), ends)
    }
}

/// A pass that was cut off, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Partial {
    anchors: Vec<Anchor>,
    restart: Restart,
    hashed: (u64, HashState),
    before: Before,
    pub(super) progress: Progress,
    pub(super) found: BTreeMap<u64, Learned>,
    pub(super) texts: BTreeMap<u64, Vec<u8>>,
    pub(super) extracts: BTreeMap<u64, Extract>,
}

impl Partial {
    /// Where the stream halted, and what was learned of the files before that.
    pub(super) fn new(
        halt: Halt,
        progress: Progress,
        found: BTreeMap<u64, Learned>,
        texts: BTreeMap<u64, Vec<u8>>,
        extracts: BTreeMap<u64, Extract>,
    ) -> Self {
        let Halt { passed, restart, hasher, before, .. } = halt;
        let last = Anchor { offset: passed.hasher.length(), state: passed.hasher.state() };
        let anchors = passed.anchors.into_iter().chain([last]).collect();
        let hashed = (hasher.length(), hasher.state());
        Self { anchors, restart, hashed, before, progress, found, texts, extracts }
    }

    /// Where to go on; `None` when it cannot be what it says it is.
    pub(super) fn halt(&self) -> Option<Halt> {
        let restart = self.restart.clone();
        restart.validate().ok()?;
        let passed = Passed::until(&self.anchors, restart.byte())?;
        let (length, state) = &self.hashed;
        let hasher = Hasher::resume(state, *length)?;
        let position = self.progress.position;
        let fits = restart.out <= position && position <= *length;
        fits.then(|| Halt { passed, restart, position, hasher, before: self.before.clone() })
    }
}

impl Halt {
    /// The first byte of the blob that is read again.
    pub(super) fn from(&self) -> u64 {
        self.passed.hasher.length()
    }
}
