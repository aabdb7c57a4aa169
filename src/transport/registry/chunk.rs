//! How large the pieces of an upload are.

use crate::transport::error::Error;
use crate::transport::registry::options::RegistryOptions;

/// No registry or proxy in use refuses less.
const SMALLEST: u64 = 1 << 20;

/// GHCR's limit for a piece; a blob as a whole may be larger.
const GHCR: u64 = 4 << 20;

/// The pieces: everything at once, until someone refuses that.
#[derive(Debug)]
pub(super) struct Chunks {
    /// The size of a piece, `None` for everything at once.
    now: Option<u64>,
    /// What to begin with when pieces are needed.
    first: u64,
    /// What the registry wants at least (`OCI-Chunk-Min-Length`).
    least: u64,
    /// Pieces are known not to work.
    never: bool,
}

impl Chunks {
    pub(super) fn new(options: &RegistryOptions, host: &str) -> Self {
        let largest = if host == "ghcr.io" { GHCR } else { u64::MAX };
        Self { now: None, first: options.chunk.min(largest).max(1), least: 0, never: false }
    }

    /// The registry takes no smaller pieces than this.
    pub(super) fn at_least(&mut self, least: u64) {
        self.least = least;
    }

    /// How much of `left` bytes to send next.
    pub(super) fn length(&self, left: u64) -> u64 {
        self.now.map_or(left, |now| now.max(self.least)).min(left)
    }

    /// Takes smaller pieces from now on; false when there are none.
    pub(super) fn smaller(&mut self) -> bool {
        let next = match self.now {
            None => self.first,
            Some(now) => now / 4,
        };
        let floor = match self.least {
            0 => SMALLEST.min(self.first),
            least => least,
        };
        if self.never || next < floor && self.now.is_some_and(|now| now <= floor) {
            return false;
        }
        self.now = Some(next.max(floor));
        true
    }

    /// This registry drops what comes after the first piece.
    ///
    /// # Errors
    /// When it has refused everything at once as well.
    pub(super) fn never(&mut self, host: &str) -> Result<(), Error> {
        if self.never {
            return Err(Error::Broken {
                place: host.to_owned(),
                problem: "it refuses a blob in one piece and ends an upload after the first of several"
                    .to_owned(),
            });
        }
        self.never = true;
        self.now = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_shrink_to_what_the_registry_takes_at_least() {
        let options = RegistryOptions::default();
        let mut chunks = Chunks::new(&options, "h");
        assert_eq!(chunks.length(1 << 40), 1 << 40);
        let mut sizes = Vec::new();
        while chunks.smaller() {
            sizes.push(chunks.length(1 << 40) >> 20);
        }
        assert_eq!(sizes, [64, 16, 4, 1]);
        assert_eq!(chunks.length(5), 5);
    }

    /// dotnet/sdk #33019: ECR wants 5 MiB at least.
    #[test]
    fn t30_the_registrys_least_is_honoured() {
        let mut chunks = Chunks::new(&RegistryOptions::default(), "h");
        chunks.at_least(5 << 20);
        let mut sizes = Vec::new();
        while chunks.smaller() {
            sizes.push(chunks.length(1 << 40) >> 20);
        }
        assert_eq!(sizes, [64, 16, 5]);
        let mut chunks = Chunks::new(&RegistryOptions::default(), "ghcr.io");
        assert!(chunks.smaller());
        assert_eq!(chunks.length(1 << 40), 4 << 20);
    }
}
