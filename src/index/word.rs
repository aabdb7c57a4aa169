//! Whose word it is: what this machine has read itself, or what somebody else says.
//!
//! The two are kept apart for good. What others say is in notes of kinds of its own, which nobody looks into who did not
//! ask for it; so losing any of them means that a layer is read, and never that a stranger is believed.

/// Who says what is known of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Word {
    /// This machine, which has read the whole layer and compared it with its digest.
    #[default]
    Own,
    /// Somebody else: who shared an index, who wrote a table of contents of the layer, or a lock file that pins its files.
    Lent,
}
