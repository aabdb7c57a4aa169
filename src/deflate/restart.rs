//! Where decoding can begin without all that came before.

use std::io;

use serde::Deserialize;
use serde::Serialize;

use super::ring::WINDOW;

/// A place in a gzip blob from which it can be decoded.
///
/// May come from a stranger: whatever it says, resuming from it reads no more than the blob's bytes, and
/// what is decoded may be wrong, but is never more than they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The bit of the blob where decoding begins; byte `bit / 8` is the first that is needed.
    pub bit: u64,
    /// Offset in the output of the first byte that comes.
    pub out: u64,
    /// The output before that is referred to; `None` where a gzip member begins, which needs none.
    pub window: Option<Window>,
}

/// Those of the 32 KiB before a restart that the 32 KiB after it refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Of each run, how far it begins after the end of the one before, and its length.
    runs: Vec<(u16, u16)>,
    /// The bytes of all runs.
    bytes: Vec<u8>,
}

impl Restart {
    /// The first byte of the blob that is needed.
    #[must_use]
    pub fn byte(&self) -> u64 {
        self.bit / 8
    }

    /// Whether it can be what it says it is.
    ///
    /// # Errors
    /// `InvalidData` where it cannot.
    pub fn validate(&self) -> io::Result<()> {
        self.expand().map(|_| ())
    }

    /// The whole window, zeros where no byte is needed.
    pub(super) fn expand(&self) -> io::Result<Option<Box<[u8; WINDOW]>>> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        // Offsets of more than 2^56 exist in no blob, and sums of smaller ones do not overflow.
        if self.bit >> 59 != 0 || self.out >> 56 != 0 {
            return Err(wrong("a restart point lies outside of any blob"));
        }
        let Some(window) = &self.window else {
            let aligned = self.bit.is_multiple_of(8);
            return if aligned { Ok(None) } else { Err(wrong("a gzip member begins within a byte")) };
        };
        window.expand().map(Some).ok_or_else(|| wrong("a restart point's window is damaged"))
    }
}

impl Window {
    /// The used bytes of a window.
    pub(super) fn of(window: &[u8; WINDOW], used: &[bool]) -> Self {
        let (mut runs, mut bytes, mut end) = (Vec::new(), Vec::new(), 0);
        let mut at = 0;
        for run in used.chunk_by(|a, b| a == b) {
            if run[0] {
                runs.push(((at - end) as u16, run.len() as u16));
                bytes.extend_from_slice(&window[at..at + run.len()]);
                end = at + run.len();
            }
            at += run.len();
        }
        Self { runs, bytes }
    }

    /// A window of which nothing is left out.
    #[must_use]
    pub fn whole(window: &[u8; WINDOW]) -> Self {
        Self::of(window, &[true; WINDOW])
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn expand(&self) -> Option<Box<[u8; WINDOW]>> {
        let mut window = Box::new([0; WINDOW]);
        let (mut at, mut bytes) = (0, self.bytes.as_slice());
        for (gap, length) in &self.runs {
            at += usize::from(*gap);
            let (run, rest) =
                bytes.split_at_checked(usize::from(*length)).filter(|(run, _)| !run.is_empty())?;
            window.get_mut(at..at + run.len())?.copy_from_slice(run);
            (at, bytes) = (at + run.len(), rest);
        }
        bytes.is_empty().then_some(window)
    }
}
